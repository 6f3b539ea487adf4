"""The drill's table on the terminal: a line a step, printed when the step has ended."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from embedded.console import Waiting, console, waiting

TIME, TITLE, TEXT = 6, 32, 74


@dataclass
class StepTable:
    """The lines so far: when each step ended (seconds since the beginning), its title, and what was seen."""

    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    _status: Waiting | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """A step, to which the block adds what it saw; its line is printed if the block ends well."""
        seen: list[str] = []
        with waiting(title) as self._status:
            yield seen
        self._print(title, " ".join(seen))

    def progress(self, text: str) -> None:
        """Show what the step is waiting for, on a terminal, until something else is shown."""
        if self._status is not None:
            self._status.update(text)

    def head(self) -> None:
        """Print the head of the table."""
        console.print(f"{'time':<{TIME}}{'step':<{TITLE}}what was seen", style="dim")

    def _print(self, title: str, text: str) -> None:
        seconds = time.monotonic() - self.began
        self.lines.append((seconds, title, text))
        minutes, rest = divmod(int(seconds), 60)
        first, *more = textwrap.wrap(text, TEXT) or [""]
        console.print(f"{f'{minutes}:{rest:02}':<{TIME}}[bold]{title:<{TITLE}}[/bold]", end="")
        console.print(first, markup=False)
        for line in more:
            console.print(f"{'':<{TIME + TITLE}}{line}", markup=False)
