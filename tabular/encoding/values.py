"""How one value of a feature is read: every spelling its contract allows, or the fault with it.

One reader a feature, for JSON and for the cells of a table alike. Categories are compared in their canonical form.
The code of a datetime is its microseconds since 1970, of a category its position.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tabular.contract.canonical import LARGEST_NUMBER, NUMBER_LIMIT, Canonical, as_number, as_text, canonical, number_in
from tabular.encoding.dates import MAX_CHARACTERS, YEARS, moment_in
from tabular.errors import Fault

if TYPE_CHECKING:
    from tabular.contract.features import Feature
    from tabular.contract.types import Contract, Target

Value = int | float | str | None

MAX_LABEL_CHARACTERS = 100
MAX_CATEGORIES_SHOWN = 20
MISSING = math.nan

Outcome = tuple[Value, float, bool] | Fault
"""The canonical value, the model's input, and whether it is a category that the contract does not know."""
Reader = Callable[[object], Outcome]


def reader(feature: Feature, contract: Contract) -> Reader:
    """What reads any JSON value as this feature, or says what is wrong with it."""
    if feature.is_datetime:
        return _datetime_reader(feature, contract)
    return _number_reader(feature, contract) if feature.is_numeric else _CategoryReader(feature, contract)


def cell_reader(feature: Feature, contract: Contract) -> Callable[[str], Outcome]:
    """What reads a cell of a table as this feature: as JSON is read, but that a number has no quotes there."""
    read = reader(feature, contract)
    if not feature.is_numeric:
        return read

    def read_cell(text: str) -> Outcome:
        number = number_in(text)
        return read(text if number is None else number)

    return read_cell


def class_reader(target: Target) -> Callable[[object], str | None]:
    """What reads a text, a number or a boolean as a class of the target; None for what is none."""
    classes = {canonical(label): label for label in target.classes}
    return lambda raw: classes.get(canonical(raw)) if isinstance(raw, str | int | float) else None


def target_number(text: str) -> float | None:
    """The number that a cell gives for the target of a regression; None for other text and beyond single precision."""
    number = number_in(text)
    return number if number is not None and abs(number) <= LARGEST_NUMBER else None


def json_type(feature: Feature) -> Any:
    """The type by which most values are checked with their decoding; what it rejects may still be allowed."""
    if feature.is_numeric:
        low, high = feature.range or (-math.inf, math.inf)
        if feature.kind == "integer":
            return Annotated[int, msgspec.Meta(ge=math.ceil(low), le=math.floor(high))] | None
        return Annotated[float, msgspec.Meta(ge=low, le=high)] | None
    if feature.is_datetime:
        return Annotated[str, msgspec.Meta(max_length=MAX_CHARACTERS)] | None
    label = Annotated[str, msgspec.Meta(max_length=max_characters(feature))]
    if feature.is_boolean:
        return bool | int | float | label | None  # of a boolean 1 is true
    if feature.has_codes or feature.has_numerals:
        return int | float | label | None  # not bool beside them: True is equal to 1
    return bool | label | None if feature.has_booleans else label | None


class PlainDatetimes:
    """What a reader makes of the texts of a datetime, in the form of `plain_labels`: there are too many to list."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def get(self, raw: object) -> tuple[Value, float] | None:
        """The value and the code; None for what the reader finds a fault with."""
        outcome = self._read(raw)
        return None if isinstance(outcome, Fault) else outcome[:2]


PlainLabels = dict[object, tuple[Value, float]]


def plain_labels(feature: Feature, contract: Contract, read: Reader) -> PlainLabels | PlainDatetimes | None:
    """What `read` makes of the usual spellings of a category, its codes among them, or of a datetime.

    None for numbers.
    """
    if feature.is_numeric:
        return None
    if feature.is_datetime:
        return PlainDatetimes(read)
    spellings = {text: None for known in feature.categories for text in (known, known.lower(), known.upper())}
    numbers = [as_number(form) for form in _forms(feature)]
    booleans = () if feature.has_codes or (feature.has_numerals and not feature.is_boolean) else (True, False)
    usual = (None, *contract.table.missing_tokens, *spellings, *booleans, *numbers)
    outcomes = {raw: read(raw) for raw in usual}
    return {raw: found[:2] for raw, found in outcomes.items() if not isinstance(found, Fault) and not found[2]}


def max_characters(feature: Feature) -> int:
    """How long the text of a category may be."""
    return max((MAX_LABEL_CHARACTERS, *map(len, feature.categories)))


def listed(labels: Sequence[str]) -> str:
    """Categories or classes as they can stand in a message: the first, and how many more there are."""
    more = len(labels) - MAX_CATEGORIES_SHOWN
    return ", ".join(labels[:MAX_CATEGORIES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _number_reader(feature: Feature, contract: Contract) -> Reader:
    low, high = feature.range or (-math.inf, math.inf)
    is_integer = feature.kind == "integer"
    allowed = f"{'a whole number' if is_integer else 'a number'} from {low:.12g} to {high:.12g}, or null"

    def read(raw: object) -> Outcome:
        if contract.is_missing(raw):
            return None, MISSING, False
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            is_quoted = isinstance(raw, str) and number_in(raw) is not None
            problem = "is text, not a number: send it without quotes" if is_quoted else "is not a number"
            return Fault(feature.name, problem, allowed, shown(raw))
        if is_integer and raw != raw // 1:
            return Fault(feature.name, "is not a whole number", allowed, shown(raw))
        if not low <= raw <= high:
            return Fault(feature.name, "is out of the plausible range", allowed, shown(raw))
        value = int(raw) if is_integer else float(raw)
        return value, float(value), False

    return read


def datetime_form(feature: Feature) -> str:
    """How a datetime is to be written, in plain words."""
    zone = "with a time zone, such as 2024-05-31T14:05:00Z" if feature.has_zone else "without a time zone, such as"
    example = "" if feature.has_zone else " 2024-05-31T14:05:00"
    return f"a date and time in ISO 8601 {zone}{example}, of the years {YEARS[0]} to {YEARS[-1]}"


def _datetime_reader(feature: Feature, contract: Contract) -> Reader:
    has_zone, allowed = feature.has_zone, f"{datetime_form(feature)}, or null"

    def read(raw: object) -> Outcome:
        if contract.is_missing(raw):
            return None, MISSING, False
        moment = moment_in(raw) if isinstance(raw, str) and len(raw) <= MAX_CHARACTERS else None
        if moment is None:
            return Fault(feature.name, "is no date and time", allowed, shown(raw))
        if moment.has_zone != has_zone:
            return Fault(feature.name, f"has {'no' if has_zone else 'a'} time zone", allowed, shown(raw))
        return moment.text, float(moment.microseconds), False

    return read


class _CategoryReader:
    """Reads a category in any spelling: its own text or code, a missing token, or text that is a new category."""

    def __init__(self, feature: Feature, contract: Contract) -> None:
        self._feature, self._is_missing = feature, contract.is_missing
        self._known = {form: (feature.categories[code], float(code), False) for form, code in _forms(feature).items()}
        is_open = feature.is_unlearnt
        self._has_numerals, self._has_booleans = is_open or feature.has_numerals, is_open or feature.has_booleans
        self._most = max_characters(feature)
        self._allowed = (
            f"a text of at most {self._most} characters, or null"
            if is_open
            else f"one of {listed(feature.categories)} in any letter case, or null"
        )
        if feature.has_codes:
            self._allowed = f"a code from 0 to {len(feature.categories) - 1}, {self._allowed}"
        if feature.is_boolean:
            self._allowed = f"true or false, 1 or 0, {' or '.join(reversed(feature.categories))}, or null"

    def __call__(self, raw: object) -> Outcome:
        if raw is None:
            return None, MISSING, False
        if not isinstance(raw, str | int | float):
            return self._fault(raw)
        if isinstance(raw, str) and len(raw) > self._most:
            return self._fault(raw, f"is longer than {self._most} characters")
        if (found := self._known.get(canonical(raw))) is not None:
            return found
        return (None, MISSING, False) if self._is_missing(raw) else self._new(raw)

    def _new(self, raw: str | float) -> Outcome:
        """A category that the contract does not know: any text; a number or a boolean only where others are such."""
        if self._feature.is_boolean:
            return self._fault(raw)
        if isinstance(raw, str):
            return raw.strip(), MISSING, True
        may_be = self._has_booleans if isinstance(raw, bool) else self._has_numerals and abs(raw) < NUMBER_LIMIT
        return (as_text(raw), MISSING, True) if may_be else self._fault(raw)

    def _fault(self, raw: object, problem: str = "is not a known value") -> Fault:
        return Fault(self._feature.name, problem, self._allowed, shown(raw))


def _forms(feature: Feature) -> dict[Canonical, int]:
    """The position of the category that each canonical form means."""
    has_codes = feature.has_codes or feature.is_boolean
    codes = {canonical(code): code for code in range(len(feature.categories))} if has_codes else {}
    if feature.is_boolean:
        codes |= {canonical(word): code for code, word in enumerate((False, True))}
    return codes | {canonical(category): code for code, category in enumerate(feature.categories)}


def shown(value: object) -> object:
    """The faulty value as it can stand in a response; of a long or nested one, however deep, only the beginning."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 1e300 else "a number beyond 1e300"
    # Only the beginning of a nested value is read: its whole text may be a thousand times what is kept of it.
    return shown_name(value if isinstance(value, str) else _NESTED.repr(value))


def shown_name(name: object) -> str:
    """A text as it can stand in a response: the beginning of a long one."""
    text = str(name)
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[:MAX_LABEL_CHARACTERS] + "…"


_NESTED = reprlib.Repr()
_NESTED.maxlevel = 3  # each level shows six elements, so that six levels would be 46,656
