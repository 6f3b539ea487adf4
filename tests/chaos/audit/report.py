"""The run in a table: how often each fault came, what the API's callers felt meanwhile (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.audit.ledger import Attempt
from tests.chaos.faults.breaker import Window

HEAD = "| fault | times | seconds | requests | failed % | p99 ms |\n|---|---|---|---|---|---|"


def table(windows: Sequence[Window], attempts: Sequence[Attempt]) -> str:
    """One line a kind. Faults overlap, so that a request may count for several; the last line is without any."""
    kinds = sorted({window.kind for window in windows})
    rows = [_row(kind, [window for window in windows if window.kind == kind], attempts) for kind in kinds]
    calm = [attempt for attempt in attempts if not any(_overlap(window, attempt) for window in windows)]
    return "\n".join([HEAD, *rows, _line("no fault", "", "", calm), _line("all", str(len(windows)), "", attempts)])


def _row(kind: str, windows: Sequence[Window], attempts: Sequence[Attempt]) -> str:
    felt = [attempt for attempt in attempts if any(_overlap(window, attempt) for window in windows)]
    seconds = sum(window.ended - window.began for window in windows)
    return _line(kind, str(len(windows)), f"{seconds:.0f}", felt)


def _line(name: str, times: str, seconds: str, attempts: Sequence[Attempt]) -> str:
    served = sorted(attempt.seconds for attempt in attempts if attempt.status not in {0, 503})
    p99 = f"{1000 * served[int(0.99 * (len(served) - 1))]:.0f}" if served else "-"
    failed = f"{100 * (1 - len(served) / len(attempts)):.1f}" if attempts else "-"
    return f"| {name} | {times} | {seconds} | {len(attempts)} | {failed} | {p99} |"


def _overlap(window: Window, attempt: Attempt) -> bool:
    return window.began <= attempt.began + attempt.seconds and attempt.began <= window.ended
