"""The canonical form of a value: what is equal in it is one value, however it was written.

A category is text, but the same category comes as a cell of a table, a JSON string, a number or a boolean. In its
canonical form a text has no spaces around it and no letter case; a numeral is its number, so that `3`, `3.0`, `"3"` and
`" 3.0 "` are one; a boolean is the word true or false. Every reader compares canonical forms and nothing else.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

Canonical = str | Decimal
"""A number for what is written as one, else the text in one letter case."""

NUMBER_LIMIT = 1e99
"""A number from here on is no category: it would be written with a hundred digits."""
LARGEST_NUMBER = (2 - 2**-23) * 2.0**127
"""The largest number of single precision, in which models take their inputs and give their outputs."""
LARGEST_WHOLE_NUMBER = 2**53
"""Up to here a double, and so every reader of JSON, tells any two whole numbers apart."""
TRUE, FALSE = "true", "false"

_NUMERAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MAX_NUMERAL_CHARACTERS = 100
_NO_CATEGORY = Decimal("Infinity")


def canonical(raw: str | float) -> Canonical:
    """The canonical form of a text, a number or a boolean."""
    if isinstance(raw, str):
        text = raw.strip()
        if len(text) <= _MAX_NUMERAL_CHARACTERS and _NUMERAL.fullmatch(text):
            return Decimal(text)
        return unicodedata.normalize("NFC", text.casefold())
    if isinstance(raw, bool):
        return TRUE if raw else FALSE
    return Decimal(repr(raw)) if -NUMBER_LIMIT < raw < NUMBER_LIMIT else _NO_CATEGORY


def number_in(text: str) -> float | None:
    """The number that a text is: digits with a sign, a point or an exponent, and nothing else; None for other text."""
    stripped = text.strip()
    return float(stripped) if _NUMERAL.fullmatch(stripped) else None


def as_number(form: Canonical) -> int | float | None:
    """The JSON number with this canonical form; None for a text, and for a number that no 64 bits hold."""
    if not isinstance(form, Decimal) or abs(form) >= 2**63:
        return None
    whole = int(form)
    return whole if whole == form else float(form)


def double(number: float) -> float:
    """The double nearest to a number; infinite for a whole number beyond all of them."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def as_text(raw: float) -> str:
    """A number or a boolean as text: a whole number without a point."""
    if isinstance(raw, bool):
        return TRUE if raw else FALSE
    return str(int(raw)) if raw == raw // 1 else repr(raw)


def alike(texts: Iterable[str]) -> list[tuple[str, str]]:
    """The texts with the canonical form of an earlier one, each after that one."""
    earlier: dict[Canonical, str] = {}
    pairs = []
    for text in texts:
        form = canonical(text)
        if form in earlier:
            pairs.append((earlier[form], text))
        else:
            earlier[form] = text
    return pairs
