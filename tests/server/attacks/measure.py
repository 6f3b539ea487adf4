"""One attack carried out and measured: the worker's memory and CPU, other clients' requests, the attack's own bound."""

from __future__ import annotations

import contextlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.harness.figures import Figures
from benchmarks.harness.paced import Paced
from benchmarks.harness.processes import resident_mb, usage
from tests.server.attacks.attack import GROWTH_MB, Attack, Found, Target
from tests.server.attacks.labels import Kept
from tests.server.attacks.memory import watched
from tests.server.wire import BATCH, head, post

WARM_ROWS, WARM_BATCHES, BATCH_ROWS = 400, 4, 10_000
WARM_AT_ONCE = 2
SETTLE_SECONDS = 1.0
KEY = "API_KEY"
RATE_PER_SECOND = 50.0
RESPONSE_SECONDS = 5.0
"""A response that takes longer counts as a failed request."""
OTHERS = {"connections": 32, "drain_seconds": 10.0, "timeout_seconds": RESPONSE_SECONDS}


@dataclass(frozen=True)
class Measured:
    """What one attack took; `others` are the figures of the other clients' requests."""

    grown_mb: float
    kept_mb: float
    was_stopped: bool
    cpu_seconds: float
    others: Figures
    found: Found
    faults: tuple[str, ...]
    """Every bound that did not hold, in words; empty if all did."""


def warm(target: Target, key: str = "") -> None:
    """What ordinary clients ask of the API in a day's work, so that what it then holds is the base of comparison."""
    row = post(target.example, *_own(key))
    batch = post(b"[" + b",".join([target.example] * BATCH_ROWS) + b"]", *_own(key), path=BATCH)
    _served(target, [[row] * 20] * (WARM_ROWS // 20))
    with ThreadPoolExecutor(WARM_AT_ONCE) as pool:
        list(pool.map(lambda _: _served(target, [[batch]] * WARM_BATCHES), range(WARM_AT_ONCE)))


def measure(attack: Attack, target: Target, scale: float = 1.0) -> Measured:
    """Carry it out on a warmed-up API, while other clients send single rows and health checks at a fixed rate."""
    base_mb = resident_mb(target.worker)
    others = Paced(
        target.port, requests_of(target.example, attack.environ.get(KEY, "")), RATE_PER_SECOND, None, **OTHERS
    )
    with watched(target, base_mb) as growth:
        try:
            before = usage({target.worker}).cpu_seconds
            found = attack.send(target, scale)
            cpu_seconds = usage({target.worker}).cpu_seconds - before
        finally:
            seen = others.figures()
    time.sleep(SETTLE_SECONDS)  # what is freed after the last request does not count as kept
    now_mb = resident_mb(target.worker)
    faults = itertools.chain(
        [f"the worker grew by {growth.mb:,.0f} MB"] if growth.mb > GROWTH_MB else [],
        [] if now_mb else ["the worker ended"],
        _faults(attack, seen, cpu_seconds),
        found.faults,
    )
    kept_mb = now_mb - base_mb if now_mb else 0.0
    return Measured(growth.mb, kept_mb, growth.was_stopped, cpu_seconds, seen, found, tuple(faults))


def requests_of(example: bytes, key: str) -> list[bytes]:
    """A row and a health check on kept connections, and each on one that ends with the response."""
    return [
        post(example, *_own(key)),
        head("GET", "/health/live"),
        post(example, "Connection: close", *_own(key)),
        head("GET", "/health/live", "Connection: close"),
    ]


def _faults(attack: Attack, others: Figures, cpu_seconds: float) -> list[str]:
    faults = []
    if others["errors"]:
        faults.append(f"{others['errors']:,.0f} of {others['requests']:,.0f} requests of other clients failed")
    if attack.p99_ms is not None and others["p99_ms"] - others["lag_p99_ms"] > attack.p99_ms:
        faults.append(f"other clients' p99 was {others['p99_ms']:,.0f} ms")
    if attack.cpu_seconds is not None and cpu_seconds > attack.cpu_seconds:
        faults.append(f"it took {cpu_seconds:.1f} s of CPU")
    return faults


def _own(key: str) -> list[str]:
    return [f"X-API-Key: {key}"] if key else []


def _served(target: Target, rounds: list[list[bytes]]) -> None:
    with contextlib.closing(Kept(target.port)) as kept:
        for requests in rounds:
            statuses = kept.ask(requests)
            if set(statuses) != {"200"}:
                raise RuntimeError(f"the API did not serve what it must: {statuses}")
