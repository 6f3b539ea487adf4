"""From columns of Arrow to the model's inputs: the same codes as `RowCodec`, for a batch of rows at a time.

Numbers are converted together, and every other cell once for each text or value that occurs. What the conversion of
numbers does not take goes to the contract's own reader of values, which is the authority: it knows every spelling, and
names the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.batches.key_column import KeyColumn
from tabular.batches.row_batches import RowBatch
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.column_names import feature_columns, key_column
from tabular.data.formats.parquet_cells import as_written
from tabular.encoding.columns import Columns
from tabular.encoding.model_inputs import ModelInputs
from tabular.encoding.plain_numbers import accepts_feature
from tabular.encoding.values import MISSING, Outcome, Value, cell_reader, reader, shown
from tabular.errors import Fault

Codes = NDArray[np.float64]
Cell = TypeVar("Cell")
NOT_TEXT = "is not text in UTF-8"
MAX_KEPT_OUTCOMES = 100_000


@dataclass(frozen=True)
class CodedBatch:
    """A batch under the contract: `numbers` and `columns` of the rows that are valid, and the faults of the others.

    `positions` are those of the valid rows in the batch as it came.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.int64]
    columns: Columns
    faults: Sequence[Fault]


class ArrowCodec:
    """Encodes batches of one contract. Threads may share it."""

    def __init__(self, contract: Contract, names: Sequence[str]) -> None:
        """Take the names of the file's columns; raises InvalidTable naming those that the contract needs and lacks.

        A feature is looked for by the name of its column in the table, and else by its public name; `key_source` is the
        column of the business keys, None if there is none.
        """
        self.sources = feature_columns(contract, names)
        self._features = [_FeatureCodec(feature, contract) for feature in contract.features]
        self._inputs = ModelInputs(contract)
        self.key_source = key_column(contract, names)
        self._keys = KeyColumn(contract)

    def encode(self, batch: RowBatch) -> CodedBatch:
        """Encode a batch; a row with a fault, of which there may be several, is left out."""
        parts = [each.encode(batch.columns[source]) for each, source in zip(self._features, self.sources, strict=True)]
        is_valid = np.ones(len(batch), dtype=np.bool_)
        faults = list(batch.faults)
        keys = None if self.key_source is None else batch.columns[self.key_source]
        for found in (*(part.faults for part in parts), {} if keys is None else self._keys.faults(keys)):
            for at, fault in found.items():
                is_valid[at] = False
                faults.append(Fault(fault.field, fault.problem, fault.allowed, fault.given, int(batch.numbers[at])))
        faults.sort(key=lambda fault: fault.row or 0)
        kept = np.flatnonzero(is_valid)
        codes = np.empty((len(kept), len(parts)), order="F")
        for position, part in enumerate(parts):
            codes[:, position] = part.codes if len(kept) == len(batch) else part.codes[kept]
        inputs, values, unknown = self._inputs.many(codes), _values(parts, kept), self._unknown(parts, kept)
        of_rows = () if keys is None else LazyColumn(len(kept), lambda at: self._keys.keys(keys, kept[at]))
        return CodedBatch(batch.numbers[kept], kept, Columns(values, inputs, unknown, codes, of_rows), faults)

    def _unknown(self, parts: Sequence[_Part], kept: NDArray[np.int64]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for part, each in zip(parts, self._features, strict=True):
            for at in np.flatnonzero(part.unknown[kept]).tolist() if part.unknown is not None else ():
                found[at] = (*found.get(at, ()), each.name)
        return found


class LazyColumn(Sequence[Cell]):
    """The values of one column, made when they are asked for: only rows with a warning, and stored ones, need them."""

    def __init__(self, length: int, make: Callable[[NDArray[np.int64]], list[Cell]]) -> None:
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return self._make(np.arange(self._length)[at])
        return self._make(np.array([at]))[0]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._make(np.arange(self._length)))


@dataclass(frozen=True)
class _Part:
    """One feature of a batch: a code a row, its values at some positions, its faults and unknown categories."""

    codes: Codes
    values: Callable[[NDArray[np.int64]], list[Value]]
    faults: Mapping[int, Fault]
    unknown: NDArray[np.bool_] | None = None


class _FeatureCodec:
    """Encodes the column of one feature."""

    def __init__(self, feature: Feature, contract: Contract) -> None:
        self.name = feature.name
        self._is_number = feature.is_numeric
        self._is_integer = feature.kind == "integer"
        self._accepts = accepts_feature(feature, contract)
        self._read_cell, self._read_value = cell_reader(feature, contract), reader(feature, contract)
        self._kept: dict[object, Outcome] = {}

    def encode(self, column: pa.Array) -> _Part:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = as_written(column)
        return self._numbers(column) if self._is_number else self._each(column)

    def _numbers(self, column: pa.Array) -> _Part:
        """Numbers together; the reader of values reads what is missing, out of range, not whole or no number."""
        codes = _as_numbers(column)
        if self._is_integer:
            codes = codes + 0.0  # a whole number has no negative zero
        odd = np.flatnonzero(~self._accepts(codes))
        if not len(odd):
            return _Part(codes, self._from_codes(codes), {})
        rest = self._each(column.take(pa.array(odd)))
        codes[odd] = rest.codes
        return _Part(codes, self._from_codes(codes), {int(odd[at]): fault for at, fault in rest.faults.items()})

    def _from_codes(self, codes: Codes) -> Callable[[NDArray[np.int64]], list[Value]]:
        kind = int if self._is_integer else float
        return lambda at: [None if code != code else kind(code) for code in codes[at].tolist()]  # noqa: PLR0124 - NaN

    def _each(self, column: pa.Array) -> _Part:
        """Every text or value that occurs, once."""
        encoded = column.dictionary_encode(null_encoding="encode")
        outcomes = [self._outcome(raw) for raw in encoded.dictionary.to_pylist()]
        places = encoded.indices.to_numpy(zero_copy_only=False)
        found = [None if isinstance(one, Fault) else one for one in outcomes]
        codes = np.array([MISSING if one is None else one[1] for one in found] or [MISSING])[places]
        is_bad, is_unknown = (
            np.array(flags or [False])[places]
            for flags in ([one is None for one in found], [one is not None and one[2] for one in found])
        )
        bad = np.flatnonzero(is_bad).tolist()
        return _Part(
            codes=codes,
            values=lambda at: [None if (one := found[place]) is None else one[0] for place in places[at].tolist()],
            faults={at: fault for at in bad if isinstance(fault := outcomes[places[at]], Fault)},
            unknown=is_unknown if is_unknown.any() else None,
        )

    def _outcome(self, raw: object) -> Outcome:
        key = (type(raw), raw)
        if (known := self._kept.get(key)) is None:
            known = self._read(raw)
            if len(self._kept) < MAX_KEPT_OUTCOMES:
                self._kept[key] = known
        return known

    def _read(self, raw: Any) -> Outcome:
        if isinstance(raw, bytes):
            try:
                raw = raw.decode()
            except UnicodeDecodeError:
                return Fault(self.name, NOT_TEXT, "text in UTF-8", shown(raw.decode(errors="replace")))
        if isinstance(raw, str):
            found = self._read_cell(raw.strip())
            # As it stands in the file, not as the number it was read as.
            return Fault(found.field, found.problem, found.allowed, shown(raw)) if isinstance(found, Fault) else found
        # A column of floats has NaN where others have null.
        return self._read_value(None if isinstance(raw, float) and raw != raw else raw)  # noqa: PLR0124


def _as_numbers(column: pa.Array) -> Codes:
    """The column as doubles, NaN where a cell is no plain number."""
    if pa.types.is_binary(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _numbers_in_text(column)
    if pa.types.is_boolean(column.type):
        return np.full(len(column), MISSING)
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), MISSING)
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


_NUMERAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"


def _numbers_in_text(column: pa.Array) -> Codes:
    if not _has_exponents(column):
        try:
            return np.array(_cast(column).to_numpy(zero_copy_only=False), dtype=np.float64)
        except pa.ArrowInvalid:  # some are no numbers, or have spaces around them
            pass
    is_numeral = pc.match_substring_regex(column, _NUMERAL)
    numerals = pc.if_else(is_numeral, column, pa.scalar(None, column.type))
    return np.array(_cast(numerals).to_numpy(zero_copy_only=False), dtype=np.float64)


def _cast(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()).cast(pa.float64())


def _has_exponents(column: pa.Array) -> bool:
    """Whether an e is among the text: Arrow reads longer exponents than the contract allows."""
    *_, data = column.buffers()
    if data is None:
        return False
    text = data.to_pybytes()
    return b"e" in text or b"E" in text


def _values(parts: Sequence[_Part], kept: NDArray[np.int64]) -> list[LazyColumn[Value]]:
    def at_kept(part: _Part) -> Callable[[NDArray[np.int64]], list[Value]]:
        return lambda at: part.values(kept[at])

    return [LazyColumn(len(kept), at_kept(part)) for part in parts]
