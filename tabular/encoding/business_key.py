"""How the business key of a row or of a label is read: one meaning at every endpoint and in every file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

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
JSON_TYPE = (
    Annotated[str, msgspec.Meta(max_length=MAX_KEY_CHARACTERS)]
    | Annotated[int, msgspec.Meta(ge=-LARGEST_KEY, le=LARGEST_KEY)]
    | None
)
"""The type by which most keys are checked with their decoding."""

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
        return Fault(name, "cannot be a key", ALLOWED, shown(raw)) if text is None else text

    return read


def key_schema(contract: Contract, missing: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the business key of a request; `missing` is that of a value that is not known."""
    text = {"type": "string", "maxLength": MAX_KEY_CHARACTERS, "pattern": r"^[^\x00-\x1f\x7f]*$"}
    number = {"type": "integer", "minimum": -LARGEST_KEY, "maximum": LARGEST_KEY}
    return {
        "title": contract.table.business_key,
        "description": "Identifies what the row is about, so that its outcome can be sent later. No feature: the "
        "prediction does not depend on it. It is stored with the prediction, and comes back as text.",
        "anyOf": [text, number, missing],
        "examples": ["C-1001"],
    }


def _text(raw: object) -> str | None:
    """The text of a key that can be one, else None."""
    if isinstance(raw, str):
        text = raw.strip()
        return text if len(raw) <= MAX_KEY_CHARACTERS and not _CONTROL.search(text) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return str(int(raw)) if abs(raw) <= LARGEST_KEY and raw == int(raw) else None
