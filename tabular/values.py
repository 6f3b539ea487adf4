"""How one value of a feature is read: every spelling its contract allows, or the fault with it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from tabular.contract import Contract, Feature
from tabular.errors import Fault

Value = int | float | str | None

MAX_LABEL_CHARACTERS = 100
MISSING = math.nan

Outcome = tuple[Value, float, bool] | Fault
"""The canonical value, the model's input, and whether it is a label that the contract does not know."""
Reader = Callable[[object], Outcome]


def reader(feature: Feature, contract: Contract) -> Reader:
    """What reads any JSON value as this feature, or says what is wrong with it."""
    return _number_reader(feature, contract) if feature.is_numeric else _label_reader(feature, contract)


def json_type(feature: Feature) -> Any:
    """The type by which most values are checked with their decoding; what it refuses may still be allowed."""
    if feature.is_numeric:
        low, high = feature.range or (-math.inf, math.inf)
        kind: Any = int if feature.kind == "integer" else float
        return Annotated[kind, msgspec.Meta(ge=kind(low), le=kind(high))] | None
    label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL_CHARACTERS)]
    return int | label | None if feature.kind == "ordinal" else label | None


def plain_labels(feature: Feature, contract: Contract, read: Reader) -> dict[object, tuple[Value, float]] | None:
    """What `read` makes of a label's usual spellings and codes; None for numbers."""
    if feature.is_numeric:
        return None
    spellings = {text: None for level in feature.levels for text in (level, level.lower(), level.upper())}
    usual = (None, *contract.table.missing_tokens, *spellings, *range(len(feature.levels)))
    outcomes = {raw: read(raw) for raw in usual}
    return {raw: found[:2] for raw, found in outcomes.items() if not isinstance(found, Fault) and not found[2]}


def _number_reader(feature: Feature, contract: Contract) -> Reader:
    low, high = feature.range or (-math.inf, math.inf)
    is_integer = feature.kind == "integer"
    allowed = f"{'a whole number' if is_integer else 'a number'} from {low:g} to {high:g}, or null"

    def read(raw: object) -> Outcome:
        if raw is None or (isinstance(raw, str) and contract.is_missing(raw)):
            return None, MISSING, False
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return Fault(feature.name, "is not a number", allowed, shown(raw))
        if is_integer and raw != raw // 1:
            return Fault(feature.name, "is not a whole number", allowed, shown(raw))
        if not low <= raw <= high:
            return Fault(feature.name, "is out of the plausible range", allowed, shown(raw))
        value = int(raw) if is_integer else float(raw)
        return value, float(value), False

    return read


def _label_reader(feature: Feature, contract: Contract) -> Reader:
    known = {level.casefold(): (level, float(code), False) for code, level in enumerate(feature.levels)}
    allowed = f"one of {', '.join(feature.levels)} in any letter case, or null"
    if feature.kind == "ordinal":
        allowed = f"a code from 0 to {len(feature.levels) - 1}, {allowed}"

    def read(raw: object) -> Outcome:
        if raw is None:
            return None, MISSING, False
        if not isinstance(raw, str):
            return _level_by_code(feature, raw) or Fault(feature.name, "is not a known value", allowed, shown(raw))
        if (found := known.get(raw.strip().casefold())) is not None:
            return found
        if contract.is_missing(raw):
            return None, MISSING, False
        if len(raw) > MAX_LABEL_CHARACTERS:
            return Fault(feature.name, f"is longer than {MAX_LABEL_CHARACTERS} characters", allowed, shown(raw))
        return raw, MISSING, True

    return read


def _level_by_code(feature: Feature, raw: object) -> tuple[Value, float, bool] | None:
    if feature.kind != "ordinal" or isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    is_code = raw == raw // 1 and 0 <= raw < len(feature.levels)
    return (feature.levels[int(raw)], float(raw), False) if is_code else None


def shown(value: object) -> object:
    """The faulty value as it can stand in a JSON answer; of a long or nested one, however deep, only the beginning."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 1e300 else "a number beyond 1e300"
    # Only the beginning of a nested value is looked at: its whole text may be a thousand times what is kept of it.
    return shown_name(value if isinstance(value, str) else _NESTED.repr(value))


def shown_name(name: object) -> str:
    """A text as it can stand in an answer: the beginning of a long one."""
    text = str(name)
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[:MAX_LABEL_CHARACTERS] + "…"


_NESTED = reprlib.Repr()
_NESTED.maxlevel = 3  # each level shows six elements, so that six levels would be 46,656
