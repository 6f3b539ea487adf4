"""How the business key of a row or of a label is read: one meaning at every endpoint and in every file."""

from __future__ import annotations

import re
from collections.abc import Callable

from tabular.contract.canonical import LARGEST_WHOLE_NUMBER
from tabular.contract.types import Contract
from tabular.encoding.values import shown
from tabular.errors import Fault

MAX_KEY_CHARACTERS = 200
LARGEST_KEY = LARGEST_WHOLE_NUMBER - 1
"""A larger number is to be sent as text: programs round it."""
ALLOWED = (
    f"a text of at most {MAX_KEY_CHARACTERS} characters without control characters, or a whole number up to "
    f"{LARGEST_KEY:,}; null, or left out, where there is none"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

KeyReader = Callable[[object], str | Fault | None]


def key_reader(contract: Contract) -> KeyReader:
    """What reads any JSON value or cell as the contract's business key, or says what is wrong with it.

    A key is its text without the spaces around it, a whole number its digits, so that 7 and "7" are one key; letter
    case counts. What is blank, or missing under the contract, is None.
    """
    name = contract.table.business_key or "business_key"
    is_missing = contract.is_missing

    def read(raw: object) -> str | Fault | None:
        if raw is None or raw != raw or is_missing(raw):  # noqa: PLR0124 - NaN, which a file has for an empty cell
            return None
        text = _text(raw)
        return Fault(name, "cannot be a key", ALLOWED, shown(raw)) if text is None else text.strip()

    return read


def _text(raw: object) -> str | None:
    """The text of a key that can be one, else None."""
    if isinstance(raw, str):
        return raw if len(raw) <= MAX_KEY_CHARACTERS and not _CONTROL.search(raw) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return str(int(raw)) if abs(raw) <= LARGEST_KEY and raw == int(raw) else None
