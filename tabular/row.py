"""From a request to a row, and from rows to the model's matrix.

`RowCodec.decode` is the fast door: one typed pass over the JSON bytes. What it refuses goes to the patient door,
`RowCodec.parse`, which is the authority: it accepts every spelling the contract allows or names every fault at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract import Contract, Feature
from tabular.errors import Fault, InvalidRow, Rejected

Value = int | float | str | None
Matrix = NDArray[np.float32]

MAX_LABEL_CHARACTERS = 100
MISSING = math.nan


class Row(msgspec.Struct, frozen=True):
    """One record that keeps the contract.

    `values` are canonical, in contract order: numbers, the contract's own spelling of labels, None where missing;
    a label the contract does not know stays as given and its feature is named in `unseen`.
    `codes` are the model's inputs, one float a feature: NaN where missing or unseen.
    """

    values: tuple[Value, ...]
    codes: tuple[float, ...]
    unseen: tuple[str, ...] = ()


class NotJson(Rejected):
    """The bytes are not JSON at all."""


class RowCodec:
    """Decodes, checks and encodes the rows of one contract. Build it once; it holds no state between calls."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._readers = tuple(_reader(feature, contract) for feature in contract.features)
        self._names = contract.feature_names
        # A feature's name may be any text, an attribute's may not.
        self._attributes = tuple(f"f{at}" for at in range(len(self._names)))
        record = msgspec.defstruct(
            "Record",
            [(name, _json_type(feature)) for name, feature in zip(self._attributes, contract.features, strict=True)],
            rename=dict(zip(self._attributes, self._names, strict=True)),
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(record)
        self._plain = tuple(map(_plain_labels, contract.features))

    def decode(self, body: bytes | msgspec.Raw) -> Row:
        """Read one JSON object; raises NotJson, or InvalidRow with every fault."""
        try:
            record = self._decoder.decode(body)
        except msgspec.ValidationError:
            return self.parse(parse_json(body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotJson(f"the body is not JSON: {error}") from error
        return self._plain_row(msgspec.structs.astuple(record))

    def _plain_row(self, given: tuple[Any, ...]) -> Row:
        """A row whose types and ranges were checked with its decoding; labels in other spellings take the long way."""
        values, codes = [], []
        for raw, plain in zip(given, self._plain, strict=True):
            if plain is None:
                values.append(raw)
                codes.append(MISSING if raw is None else float(raw))
            elif (found := plain.get(raw)) is not None:
                values.append(found[0])
                codes.append(found[1])
            else:
                return self._row(given)
        return Row(tuple(values), tuple(codes))

    def parse(self, record: object) -> Row:
        """Check one decoded record; raises InvalidRow naming every faulty, missing and unknown field."""
        if not isinstance(record, Mapping):
            raise InvalidRow(
                "a record must be a JSON object", [Fault("record", "is not an object", "an object", record)]
            )
        names = set(self._names)
        faults = [
            Fault(str(key), "is not a feature of this table", "leave it out", _shown(value))
            for key, value in record.items()
            if key not in names
        ]
        faults += [
            Fault(name, "is missing", "send it, or null if it is not known")
            for name in self._names
            if name not in record
        ]
        given = [record.get(name) for name in self._names]
        return self._row(given, faults)

    def _row(self, given: Sequence[object], faults: Sequence[Fault] = ()) -> Row:
        found = list(faults)
        values: list[Value] = []
        codes: list[float] = []
        unseen: list[str] = []
        for name, read, raw in zip(self._names, self._readers, given, strict=True):
            outcome = read(raw)
            if isinstance(outcome, Fault):
                found.append(outcome)
                continue
            value, code, is_unseen = outcome
            values.append(value)
            codes.append(code)
            if is_unseen:
                unseen.append(name)
        if found:
            raise InvalidRow("the record does not keep the contract", found)
        return Row(tuple(values), tuple(codes), tuple(unseen))


def matrix(rows: Sequence[Row]) -> Matrix:
    """Stack rows into an n x k float32 matrix in contract order."""
    return np.array([row.codes for row in rows], dtype=np.float32)


def parse_json(body: bytes | msgspec.Raw) -> Any:
    """Decode JSON of any shape; raises NotJson (NaN, Infinity and numbers beyond a double are not JSON)."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the body is not JSON: {error}") from error


def _plain_labels(feature: Feature) -> dict[object, tuple[Value, float]] | None:
    """What a label is, by its own spelling or its code; None for numbers."""
    if feature.is_numeric:
        return None
    plain: dict[object, tuple[Value, float]] = {None: (None, MISSING)}
    for code, level in enumerate(feature.levels):
        plain[level] = (level, float(code))
        if feature.kind == "ordinal":
            plain[code] = (level, float(code))
    return plain


Outcome = tuple[Value, float, bool] | Fault
Reader = Callable[[object], Outcome]


def _json_type(feature: Feature) -> Any:
    if feature.is_numeric:
        low, high = feature.range or (-math.inf, math.inf)
        kind: Any = int if feature.kind == "integer" else float
        return Annotated[kind, msgspec.Meta(ge=kind(low), le=kind(high))] | None
    label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL_CHARACTERS)]
    return int | label | None if feature.kind == "ordinal" else label | None


def _reader(feature: Feature, contract: Contract) -> Reader:
    return _number_reader(feature, contract) if feature.is_numeric else _label_reader(feature, contract)


def _number_reader(feature: Feature, contract: Contract) -> Reader:
    low, high = feature.range or (-math.inf, math.inf)
    is_integer = feature.kind == "integer"
    allowed = f"{'a whole number' if is_integer else 'a number'} from {low:g} to {high:g}, or null"

    def read(raw: object) -> Outcome:
        if raw is None or (isinstance(raw, str) and contract.is_missing(raw)):
            return None, MISSING, False
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return Fault(feature.name, "is not a number", allowed, _shown(raw))
        if is_integer and raw != raw // 1:
            return Fault(feature.name, "is not a whole number", allowed, _shown(raw))
        if not low <= raw <= high:
            return Fault(feature.name, "is out of the plausible range", allowed, _shown(raw))
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
            return _level_by_code(feature, raw) or Fault(feature.name, "is not a known value", allowed, _shown(raw))
        if (found := known.get(raw.strip().casefold())) is not None:
            return found
        if contract.is_missing(raw):
            return None, MISSING, False
        if len(raw) > MAX_LABEL_CHARACTERS:
            return Fault(feature.name, f"is longer than {MAX_LABEL_CHARACTERS} characters", allowed, _shown(raw))
        return raw, MISSING, True

    return read


def _level_by_code(feature: Feature, raw: object) -> tuple[Value, float, bool] | None:
    if feature.kind != "ordinal" or isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    is_code = raw == raw // 1 and 0 <= raw < len(feature.levels)
    return (feature.levels[int(raw)], float(raw), False) if is_code else None


def _shown(value: object) -> object:
    """The faulty value as it can stand in a JSON answer: long or nested ones are cut."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 1e300 else "a number beyond 1e300"
    text = str(value)
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[:MAX_LABEL_CHARACTERS] + "…"
