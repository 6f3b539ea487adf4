"""The logs of the stack, which are files: merged, filtered, and followed if asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tabular.errors import NotFound
from tabular.logs.arguments import Asked, asked
from tabular.logs.entries import LogEntry, entries
from tabular.logs.following import followed, from_tail
from tabular.logs.selection import Selection, chosen


def show(folder: Path, given: Sequence[str]) -> None:
    """Print what is asked for; raises NotFound where there is no such log, and InvalidSetting for a word that is none.

    A file that was rotated is read with those of before, which have a number behind.
    """
    wanted = asked(given)
    files = sorted(folder.glob("*.log"))
    if not files:
        raise NotFound("There are no logs yet. To start the loop: make run")
    files = _of_services(files, wanted.selection)
    for text in chosen((_entries(file) for file in files), wanted.selection, wanted.newest):
        sys.stdout.write(f"{text}\n")
    if wanted.follow:
        sys.stdout.flush()
        _follow(files, wanted)


def _of_services(files: Sequence[Path], wanted: Selection) -> list[Path]:
    found = [file for file in files if wanted.is_of(file.stem)]
    if unknown := sorted(name for name in wanted.services if not any(_is_of(file, name) for file in found)):
        names = ", ".join(file.stem for file in files)
        raise NotFound(f"There is no log of {', '.join(unknown)}. There are: {names}")
    return found


def _is_of(file: Path, name: str) -> bool:
    return Selection(frozenset({name})).is_of(file.stem)


def _entries(file: Path) -> Iterator[LogEntry]:
    rotated = sorted(file.parent.glob(f"{file.name}.[0-9]*"), reverse=True)
    return entries(file.stem, chain.from_iterable(map(_lines, (*rotated, file))))


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(errors="replace") as lines:
            yield from lines
    except FileNotFoundError:  # rotated at this moment
        return


def _follow(files: Sequence[Path], wanted: Asked) -> None:
    command = ["tail", "-n", "0", "-F", "-v", *map(str, files)]
    quiet, piped = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdout=piped, stderr=quiet, text=True, errors="replace") as tail:  # noqa: S603
        try:
            for line in followed(from_tail(tail.stdout or ()), wanted.selection):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        finally:
            tail.kill()
