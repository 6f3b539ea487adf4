"""Start-up messages on the terminal: one line a step, with its duration."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.status import Status
from rich.table import Table

console = Console(highlight=False, soft_wrap=True, file=sys.stdout)

_WIDE = 200

Waiting = Status
"""What is shown on a terminal while something is waited for."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print a step's title and, if it succeeds, its duration."""
    began = time.monotonic()
    console.print(f"[bold]==>[/bold] {text}")
    yield
    console.print(f"    [green]done[/green] in {time.monotonic() - began:.1f} s")


def waiting(text: str) -> Waiting:
    """Show on a terminal what is being waited for, while a `with` block runs."""
    return console.status(text)


@contextmanager
def bar(total: int) -> Iterator[Callable[[int, str], None]]:
    """Show on a terminal how much is done, while a `with` block runs; yields what takes how many are, and the next."""
    columns = (TextColumn("   "), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    shown = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
    with shown:
        line = shown.add_task("", total=total)
        yield lambda done, text: shown.update(line, completed=done, description=text)


def say(text: str) -> None:
    """Print one line under a step."""
    console.print(f"    {text}", markup=False)


def table(title: str, rows: Sequence[tuple[str, ...]], headers: tuple[str, ...]) -> None:
    """Print a table."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    for header in headers:
        grid.add_column(header, no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    # A truncated address or login is useless, so long rows wrap at the terminal's width instead.
    Console(highlight=False, file=sys.stdout, width=max(_WIDE, console.width)).print(grid)
