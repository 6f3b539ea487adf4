"""Which mark parts the cells of a CSV: inferred from its first records if only one mark can, else an error."""

from __future__ import annotations

import csv
import io
import re

from tabular.contract.source import Separator
from tabular.errors import Fault, InvalidTable

MARKS: tuple[Separator, ...] = (",", ";", "\t", "|")
SPACE: Separator = " "
NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar", " ": "spaces"}
SAMPLED_RECORDS = 200
SAMPLED_CHARACTERS = 200_000
MAX_CHARACTERS_SHOWN = 80
_QUOTED_OR_SPACES = re.compile(r'("(?:[^"]|"")*")|[ ]+')
_EDGE_SPACES = re.compile(r"(?m)^ +| +(?=\r?$)")


def separator_of(text: str) -> Separator:
    """The mark that parts the cells; raises InvalidTable if two marks do it alike.

    A mark parts the cells if every one of the first records has as many cells by it as the first, and more than one.
    Where none does, it is the mark of the first record by which most records have its width, and the strict reader
    names the others. Spaces are considered only where no other mark stands in the first record.
    """
    widths = {mark: _widths(text, mark) for mark in MARKS}
    in_header: list[Separator] = [mark for mark in MARKS if widths[mark][:1] > [1]]
    even = [mark for mark in in_header if len(set(widths[mark])) == 1]
    if len(even) > 1:
        raise InvalidTable("the separator of the file cannot be determined", [_fault(text, even)])
    if even:
        return even[0]
    if in_header:
        return max(in_header, key=lambda mark: widths[mark].count(widths[mark][0]) / len(widths[mark]))
    spaced = _widths(single_spaced(text[:SAMPLED_CHARACTERS]), SPACE)
    return SPACE if len(set(spaced)) == 1 and spaced[0] > 1 else ","


def single_spaced(text: str) -> str:
    """The text with one space where several stand outside of quotes, and none at the ends of lines."""
    return _EDGE_SPACES.sub("", _QUOTED_OR_SPACES.sub(lambda found: found[1] or " ", text))


def _widths(text: str, mark: Separator) -> list[int]:
    """How many cells each of the first records has by this mark; empty if it cannot be read so."""
    is_cut = len(text) > SAMPLED_CHARACTERS
    sample = io.StringIO(text[:SAMPLED_CHARACTERS], newline="")
    found: list[int] = []
    try:
        for row in csv.reader(sample, delimiter=mark, skipinitialspace=mark != SPACE, strict=not is_cut):
            found += [len(row)] if row else []
            if len(found) > SAMPLED_RECORDS:
                break
    except csv.Error:
        return found[:1] and [found[0], 0]
    return found[:-1] if is_cut and len(found) <= SAMPLED_RECORDS else found


def _fault(text: str, marks: list[Separator]) -> Fault:
    named = " and ".join(f"{NAMES[mark]} ({mark!r})" for mark in marks)
    allowed = " or ".join(f"separator = {_toml(mark)}" for mark in marks) + " in the contract's [source]"
    first_line = text.lstrip().partition("\n")[0][:MAX_CHARACTERS_SHOWN]
    return Fault("separator", f"may be {named}: every row has as many cells by either", allowed, first_line)


def _toml(mark: str) -> str:
    return '"\\t"' if mark == "\t" else f'"{mark}"'
