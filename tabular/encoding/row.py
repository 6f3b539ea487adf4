"""From a request to a row, and from rows to the model's matrix.

`RowCodec.decode` is a typed decoder: one pass over the JSON bytes. What it rejects goes to the validating decoder,
`RowCodec.parse`, which is the authority: it accepts every spelling the contract allows or names every fault at once,
the first `MAX_FAULTS` in full. A record of more than `MAX_RECORD_BYTES` is not read at all, whoever sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tabular.contract.types import Contract
from tabular.encoding.business_key import JSON_TYPE, KeyReader, key_reader
from tabular.encoding.model_inputs import ModelInputs
from tabular.encoding.values import MISSING, Value, json_type, plain_labels, reader, shown, shown_name
from tabular.errors import Fault, InvalidRow, RecordTooLarge, Rejected

Matrix = NDArray[np.float32]
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not JSON of the wanted type."""
MAX_RECORD_BYTES = 1_000_000
MAX_FAULTS = 100
"""How many faults of one record are named; the others are counted only, and nothing is made for them."""


class Row(msgspec.Struct, frozen=True):
    """One record that is valid under the contract.

    `values` are canonical, in contract order: numbers, the contract's own spelling of labels, None where missing;
    a category the contract does not know is the text that was given and its feature is named in `unknown`.
    `codes` are the model's inputs, one float each: NaN where missing or unknown. Where these are not the features,
    `feature_codes` holds one float a feature, of a datetime its microseconds since 1970; else it is None.
    `business_key` is the contract's, as text, if the record had one.
    """

    values: tuple[Value, ...]
    codes: tuple[float, ...]
    unknown: tuple[str, ...] = ()
    feature_codes: tuple[float, ...] | None = None
    business_key: str | None = None


class NotJson(Rejected):
    """The bytes are not JSON at all."""


class RowCodec:
    """Decodes, checks and encodes the rows of one contract. Build it once; it holds no state between calls.

    `plain` tells by feature what the usual spellings of its labels mean, or None for numbers; `missing_numbers` are
    those that mean "not known": a row with one of them takes the long way. `inputs` derives the model's inputs; None if
    they are the features. `read_key` reads the business key, None if the contract has none; `fields` are all names that
    a record may have.
    """

    def __init__(self, contract: Contract) -> None:
        self._readers = tuple(reader(feature, contract) for feature in contract.features)
        self._names = contract.feature_names
        self._key_name = contract.table.business_key
        self.read_key: KeyReader | None = None if self._key_name is None else key_reader(contract)
        self.fields = frozenset(self._names) | ({self._key_name} if self._key_name is not None else set())
        pairs = zip(contract.features, self._readers, strict=True)
        self.plain = tuple(plain_labels(feature, contract, read) for feature, read in pairs)
        self.missing_numbers = contract.missing_numbers
        inputs = ModelInputs(contract)
        self.inputs = None if inputs.are_features else inputs
        self._decoder = msgspec.json.Decoder(record_type(contract, map(json_type, contract.features)))

    def decode(self, body: bytes | msgspec.Raw) -> Row:
        """Read one JSON object; raises RecordTooLarge, NotJson, or InvalidRow with its faults."""
        if len(body) > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"the record has {len(body):,} bytes; at most {MAX_RECORD_BYTES:,} are read")
        try:
            record = self._decoder.decode(body)
        except msgspec.ValidationError:
            return self.parse(parse_json(body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotJson(f"this is not JSON: {error}") from error
        given = msgspec.structs.astuple(record)
        return self._plain_row(given) if self.read_key is None else self._plain_row(given[:-1], given[-1])

    def _plain_row(self, given: tuple[Any, ...], raw_key: str | int | None = None) -> Row:
        """A row whose types and ranges were checked with its decoding; labels in other spellings take the long way."""
        if self.missing_numbers and not self.missing_numbers.isdisjoint(given):
            return self._row(given, raw_key)
        values, codes = [], []
        for raw, plain in zip(given, self.plain, strict=True):
            if plain is None:
                values.append(raw)
                codes.append(MISSING if raw is None else float(raw))
            elif (found := plain.get(raw)) is not None:
                values.append(found[0])
                codes.append(found[1])
            else:
                return self._row(given, raw_key)
        if raw_key is None:
            return self._made(values, codes, (), None)
        key = self._key(raw_key)
        return self._row(given, raw_key) if isinstance(key, Fault) else self._made(values, codes, (), key)

    def _made(
        self, values: Sequence[Value], codes: Sequence[float], unknown: tuple[str, ...], business_key: str | None
    ) -> Row:
        if self.inputs is None:
            return Row(tuple(values), tuple(codes), unknown, None, business_key)
        return Row(tuple(values), tuple(self.inputs.one(codes)), unknown, tuple(codes), business_key)

    def _key(self, raw: object) -> str | Fault | None:
        return None if self.read_key is None else self.read_key(raw)

    def parse(self, record: object) -> Row:
        """Check one decoded record; raises InvalidRow naming every faulty, missing and unknown field, in this order."""
        if not isinstance(record, Mapping):
            raise InvalidRow(
                "a record must be a JSON object", [Fault("record", "is not an object", "an object", shown(record))]
            )
        missing = [
            Fault(name, "is missing", "send it, or null if it is not known")
            for name in self._names
            if name not in record
        ]
        has_key = self._key_name in record
        unknown = len(record) - (len(self._names) - len(missing)) - has_key
        # Made only as far as they are named: a record may have a hundred thousand of them.
        unknown_faults = (
            Fault(shown_name(key), "is not a feature of this table", "leave it out", shown(value))
            for key, value in record.items()
            if key not in self.fields
        )
        raw_key = record[self._key_name] if has_key else None
        return self._row([record.get(name) for name in self._names], raw_key, missing, unknown, unknown_faults)

    def _row(
        self,
        given: Sequence[object],
        raw_key: object,
        missing: Sequence[Fault] = (),
        unknown: int = 0,
        unknown_faults: Iterable[Fault] = (),
    ) -> Row:
        faulty: list[Fault] = []
        values: list[Value] = []
        codes: list[float] = []
        of_unknown_category: list[str] = []
        for name, read, raw in zip(self._names, self._readers, given, strict=True):
            outcome = read(raw)
            if isinstance(outcome, Fault):
                faulty.append(outcome)
                continue
            value, code, is_unknown = outcome
            values.append(value)
            codes.append(code)
            if is_unknown:
                of_unknown_category.append(name)
        business_key = self._key(raw_key)
        if isinstance(business_key, Fault):
            faulty.append(business_key)
            business_key = None
        if count := len(faulty) + len(missing) + unknown:
            # The contract's own fields come first: of what is unknown there may be no end.
            named = list(islice(chain(faulty, missing, unknown_faults), MAX_FAULTS))
            raise InvalidRow("the record is not valid under the contract", named, count - len(named))
        return self._made(values, codes, tuple(of_unknown_category), business_key)


def record_type(contract: Contract, types: Iterable[Any]) -> Any:
    """The type of a JSON object with the contract's features, each of its type, and nothing else.

    A business key, if the contract names one, is the last field, and may be left out.
    """
    # A feature's name may be any text, an attribute's may not.
    attributes = [f"f{at}" for at in range(len(contract.features))]
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = list(zip(attributes, types, strict=True))
    names = dict(zip(attributes, contract.feature_names, strict=True))
    if contract.table.business_key is not None:
        fields.append(("key", JSON_TYPE, None))
        names["key"] = contract.table.business_key
    return msgspec.defstruct(
        "Record",
        fields,
        rename=names,
        forbid_unknown_fields=True,
        gc=False,  # it holds nothing that could hold it
    )


def matrix(rows: Sequence[Row]) -> Matrix:
    """Stack rows into the model's n x k float32 matrix."""
    return single_precision([row.codes for row in rows])


def single_precision(codes: ArrayLike) -> Matrix:
    """The model's inputs as it takes them; a number beyond single precision becomes infinite, without a warning."""
    with np.errstate(over="ignore"):
        return np.asarray(codes, dtype=np.float64).astype(np.float32, order="C")


def parse_json(body: bytes | msgspec.Raw) -> Any:
    """Decode JSON of any shape; raises NotJson (NaN, Infinity and numbers beyond a double are not JSON)."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE as error:
        raise NotJson(f"this is not JSON: {error}") from error
