"""The quotes of a CSV, by one pass over its bytes: whether Arrow reads them as the strict reader does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

import numpy as np

QUOTE = b'"'


class Quotes(StrEnum):
    """The quotes of a CSV: with NONE a row is a line, USUAL ones Arrow reads as others do, ODD ones it does not."""

    NONE = "none"
    USUAL = "usual"
    ODD = "odd"


def quotes_in(chunks: Iterable[bytes], separator: str) -> Quotes:
    """The quotes of a CSV in UTF-8, whose bytes come in chunks of any size."""
    mark = separator.encode()
    count, rest = 0, b""
    for chunk in chunks:
        # Whole lines: what a quote stands beside must not be cut off.
        text = rest + chunk if rest else chunk
        end = text.rfind(b"\n") + 1
        lines, rest = (text, b"") if end == len(text) else (text[:end], text[end:])
        if (found := lines.count(QUOTE)) and _are_odd(lines, found, mark, is_within=count % 2 == 1):
            return Quotes.ODD
        count += found
    if (found := rest.count(QUOTE)) and _are_odd(rest, found, mark, is_within=count % 2 == 1):
        return Quotes.ODD
    # An odd number is a quote that is never closed, or one within text.
    if (count + found) % 2:
        return Quotes.ODD
    return Quotes.USUAL if count + found else Quotes.NONE


def _are_odd(lines: bytes, count: int, mark: bytes, *, is_within: bool) -> bool:
    """Whether a quote follows a separator and a space, or stands within text: a strict reader takes these otherwise.

    `count` is the number of quotes; `is_within` says that the lines begin within quotes.
    """
    # Usually each quote has a separator on one side. Counting them is ten times as fast as looking at each.
    usual = (mark + QUOTE, b"\n" + QUOTE, QUOTE + mark, QUOTE + b"\r", QUOTE + b"\n")
    at_the_ends = lines.startswith(QUOTE) + lines.endswith(QUOTE)
    if count == sum(map(lines.count, usual)) + at_the_ends:
        return False
    beside = re.escape(mark)
    odd = rb'%b[ ]+"|[^"%b\r\n]"[^"%b\r\n]' % (beside, beside, beside)
    lines = lines.replace(QUOTE * 2, b"")
    return re.search(odd, lines) is not None and not _are_around_cells(lines, mark, is_within=is_within)


def _are_around_cells(lines: bytes, mark: bytes, *, is_within: bool) -> bool:
    """Whether each quote that opens follows a separator or a line end, and each that closes precedes one."""
    everything = np.frombuffer(lines, dtype=np.uint8)
    quotes = np.flatnonzero(everything == ord(QUOTE))
    opening, closing = quotes[int(is_within) :: 2], quotes[1 - int(is_within) :: 2]
    edges = np.frombuffer(mark + b"\r\n", dtype=np.uint8)
    before = everything[opening[opening > 0] - 1]
    after = everything[closing[closing < len(lines) - 1] + 1]
    return bool(np.isin(before, edges).all() and np.isin(after, edges).all())
