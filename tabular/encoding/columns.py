"""Many rows at once, turned into columns: what `tabular/encoding/row.py` does for one, at a fraction of its cost a row.

`ColumnCodec` is a typed decoder: it takes the rows of a body together if every one of them is plain, and says None
otherwise. Then each is read by itself, by `RowCodec`, which is the authority, and `columns_of` turns the valid
rows into columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.row import MAX_RECORD_BYTES, UNREADABLE, Matrix, Row, RowCodec, record_type, single_precision
from tabular.encoding.values import PlainDatetimes, PlainLabels, Value, json_type
from tabular.errors import Fault

MAX_CATEGORIES = 127
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])


class LabelColumn(msgspec.Struct, frozen=True):
    """A column of labels that the contract knows, in a byte each: the position of its category, or -1 where missing."""

    categories: tuple[str, ...]
    positions: bytes

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, at: int) -> str | None:
        return (*self.categories, None)[self._signed[at]]

    def __iter__(self) -> Iterator[str | None]:
        return map((*self.categories, None).__getitem__, self._signed)

    @property
    def _signed(self) -> memoryview:
        return memoryview(self.positions).cast("b")


Column = Sequence[Value] | LabelColumn
"""The values of one feature."""


@dataclass(frozen=True)
class Columns:
    """Rows that are valid under the contract; everything is as in `Row`, by feature in contract order.

    `values` holds one column a feature, `codes` is n x inputs, `unknown` has the positions of rows with an unknown
    category; `feature_codes`, n x features, is None where `codes` are the features' own; `business_keys` is empty where
    no row has one.
    """

    values: Sequence[Column]
    codes: NDArray[np.float64]
    unknown: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    feature_codes: NDArray[np.float64] | None = None
    business_keys: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def row(self, at: int) -> list[Value]:
        """The values of one row."""
        return [column[at] for column in self.values]

    @property
    def matrix(self) -> Matrix:
        """The model's inputs, n x inputs."""
        return single_precision(self.codes)


def columns_of(rows: Sequence[Row]) -> Columns:
    """The same rows in columns; one row at least."""
    return Columns(
        values=list(zip(*(row.values for row in rows), strict=True)),
        codes=np.array([row.codes for row in rows], dtype=np.float64),
        unknown={at: row.unknown for at, row in enumerate(rows) if row.unknown},
        feature_codes=None if rows[0].feature_codes is None else np.array([row.feature_codes for row in rows]),
        business_keys=_none_if_empty([row.business_key for row in rows]),
    )


class ColumnCodec:
    """Decodes and encodes the rows of one contract together. Build it once; it holds no state between calls."""

    def __init__(self, contract: Contract, rows: RowCodec) -> None:
        self._readers = [
            _reader(feature, plain, rows.missing_numbers)
            for feature, plain in zip(contract.features, rows.plain, strict=True)
        ]
        self._inputs = rows.inputs
        self._read_key = rows.read_key
        record = record_type(contract, (reader.type for reader in self._readers))
        self._array = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]  # it is made at run time
        self._lines = msgspec.json.Decoder(record)
        self._least_record_bytes = len(msgspec.json.encode(dict.fromkeys(contract.feature_names, 0)))

    def array(self, body: bytes, most: int) -> Columns | None:
        """The rows of a JSON array; None if it is none, has none or more than `most`, or one to be validated alone."""
        try:
            records = self._array.decode(body)
        except UNREADABLE:
            return None
        if len(records) > most:
            return None
        # How long each record is takes a second reading, so it is asked only where one can be too long.
        others_bytes = (len(records) - 1) * self._least_record_bytes
        if len(body) - others_bytes > MAX_RECORD_BYTES and _longest(_RECORDS.decode(body)) > MAX_RECORD_BYTES:
            return None
        return self._columns(records)

    def lines(self, lines: Sequence[bytes]) -> Columns | None:
        """The rows of newline-delimited JSON, one a line; None if any line has to be validated by itself."""
        # Records are flat: if every line begins one and there are as many as lines, each line holds one and no more.
        if not all(line.startswith(b"{") for line in lines) or _longest(lines) > MAX_RECORD_BYTES:
            return None
        try:
            records = self._lines.decode_lines(b"\n".join(lines))
        except UNREADABLE:
            return None
        return self._columns(records) if len(records) == len(lines) else None

    def _columns(self, records: Sequence[Any]) -> Columns | None:
        if not records:
            return None
        values: list[Column] = []
        codes = np.empty((len(records), len(self._readers)), order="F")
        given = list(zip(*map(msgspec.structs.astuple, records), strict=True))
        keys = () if self._read_key is None else _none_if_empty(list(map(self._read_key, given.pop())))
        if any(isinstance(key, Fault) for key in keys):
            return None
        for at, (column, reader) in enumerate(zip(given, self._readers, strict=True)):
            found = reader.read(column)
            if found is None:
                return None
            codes[:, at] = found[1]
            values.append(found[0])
        if self._inputs is None:
            return Columns(values, codes, business_keys=keys)
        return Columns(values, self._inputs.many(codes), feature_codes=codes, business_keys=keys)


def _none_if_empty(keys: Sequence[Any]) -> Sequence[Any]:
    return keys if keys.count(None) < len(keys) else ()


def _longest(records: Sequence[bytes | msgspec.Raw]) -> int:
    return max(map(len, records), default=0)


Read = tuple[Column, NDArray[np.float64]]
"""The values of a column, and their codes."""


class _Numbers:
    """The numbers of one feature; a column with one that means "not known" is left to the other codec."""

    def __init__(self, feature: Feature, missing_numbers: frozenset[float]) -> None:
        self.type = json_type(feature)
        self._missing_numbers = missing_numbers

    def read(self, given: Sequence[Any]) -> Read | None:
        if self._missing_numbers and not self._missing_numbers.isdisjoint(given):
            return None
        return given, np.array(given, dtype=np.float64)


class _Datetimes:
    """The datetimes of one feature; a column with a text that is none is left to the other codec."""

    def __init__(self, feature: Feature, plain: PlainDatetimes) -> None:
        self.type = json_type(feature)
        self._get = plain.get

    def read(self, given: Sequence[object]) -> Read | None:
        found = list(map(self._get, given))
        if None in found:
            return None
        values, codes = zip(*filter(None, found), strict=True)
        return values, np.array(codes, dtype=np.float64)


class _Labels:
    """The labels of one feature in their usual spellings, by dict."""

    def __init__(self, plain: PlainLabels) -> None:
        self.codes = {label: code for label, (_, code) in plain.items()}
        self._values = {label: value for label, (value, _) in plain.items()}
        by_code = {code: value for value, code in plain.values() if value is not None}
        self._categories = tuple(str(by_code[code]) for code in sorted(by_code))

    @property
    def type(self) -> Any:
        """What they are in JSON: any other spelling is rejected by the decoder, and these are not made anew."""
        spellings = tuple(label for label in self.codes if isinstance(label, str | int) and not isinstance(label, bool))
        # A number without a fraction is equal to a boolean, so that the plain ones hold one kind or the other.
        has_both = all(any(label is each for label in self.codes) for each in (True, False))
        return Literal[spellings] | bool | None if has_both else Literal[spellings] | None

    def read(self, given: Sequence[object]) -> Read:
        codes = np.fromiter(map(self.codes.__getitem__, given), np.float64, len(given))
        return self._column(given, codes), codes

    def _column(self, given: Sequence[object], codes: NDArray[np.float64]) -> Column:
        if len(self._categories) > MAX_CATEGORIES:
            return [self._values[label] for label in given]
        return LabelColumn(self._categories, np.nan_to_num(codes, nan=-1.0).astype(np.int8).tobytes())


def _reader(
    feature: Feature, plain: PlainLabels | PlainDatetimes | None, missing_numbers: frozenset[float]
) -> _Numbers | _Datetimes | _Labels:
    """What reads the columns of a feature, of which `plain` tells the usual spellings."""
    if plain is None:
        return _Numbers(feature, missing_numbers)
    return _Datetimes(feature, plain) if isinstance(plain, PlainDatetimes) else _Labels(plain)
