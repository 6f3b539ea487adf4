"""Rows that are encoded together by Arrow are the rows that the validating decoder reads one by one."""

from __future__ import annotations

import io
import math
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.layout import PROJECT
from tabular.batches.arrow_codec import ArrowCodec
from tabular.batches.row_batches import RowBatch
from tabular.contract.loading import load_contract
from tabular.data.formats.parquet_cells import as_written, parquet_cells
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, public_records
from tabular.encoding.row import RowCodec
from tabular.encoding.values import cell_reader, reader
from tabular.errors import Fault, InvalidTable
from tests.unit.any_contract import anything, contracts, quick, right_values
from tests.unit.churn import CONTRACT

ODD_CELLS = ["", " ", "n/a", "+1", " 1 ", "1e5", "1E-3", "1e-9999", "0e1000", "inf", "nan", "-Infinity", "0x10", "1_0"]
ODD_CELLS += ["1.", ".5", ".", "-", "१", "1e999", "-0", "99.0", "true", "a\nb", "\x00", "9" * 400]


DICTIONARY = pa.dictionary(pa.int8(), pa.string())


def batch_of(contract, columns):
    numbers = np.arange(1, len(columns[0]) + 1)
    return RowBatch(numbers, {feature.column: each for feature, each in zip(contract.features, columns, strict=True)})


def encoded(contract, columns):
    names = [feature.column for feature in contract.features]
    return ArrowCodec(contract, names).encode(batch_of(contract, columns))


def bits(number):
    return "missing" if math.isnan(number) else struct.pack("d", number)


def same(contract, coded, rows):
    """The batch holds what the readers of values say of each row: by value, type and bit, or every fault."""
    faults = [outcome for row in rows for outcome in row if isinstance(outcome, Fault)]
    assert [(each.field, each.problem, each.allowed) for each in coded.faults] == [
        (each.field, each.problem, each.allowed) for each in faults
    ]
    valid = [(number, row) for number, row in enumerate(rows, 1) if not any(isinstance(one, Fault) for one in row)]
    assert coded.numbers.tolist() == [number for number, _ in valid]
    for at, (_, row) in enumerate(valid):
        assert list(map(bits, coded.columns.feature_codes[at])) == [bits(code) for _, code, _ in row]
        assert list(map(repr, coded.columns.row(at))) == [repr(value) for value, _, _ in row]
        unknown = [name for name, (_, _, is_unknown) in zip(contract.feature_names, row, strict=True) if is_unknown]
        assert list(coded.columns.unknown.get(at, ())) == unknown


TAXI = load_contract(PROJECT / "contracts" / "taxi_rides.toml")


@pytest.mark.parametrize("kind", [pa.string(), pa.timestamp("us"), pa.timestamp("ns")])
def test_derived_columns_are_those_of_a_single_row(kind):
    records = public_records(TAXI, clean(TAXI, read_table(make_table(TAXI, 200, seed=2)).cells).features)
    rows = [RowCodec(TAXI).parse(each) for each in records]
    columns = [pa.array([each[name] for each in records]) for name in TAXI.feature_names]
    at = next(at for at, feature in enumerate(TAXI.features) if feature.kind == "datetime")
    columns[at] = columns[at].cast(pa.timestamp("s")).cast(kind) if kind != pa.string() else columns[at]
    coded = encoded(TAXI, columns)
    assert not coded.faults
    assert [list(map(bits, each)) for each in coded.columns.codes] == [list(map(bits, row.codes)) for row in rows]
    assert coded.columns.row(0) == list(rows[0].values)


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_negative_zero_is_what_a_request_makes_of_it(tiny_contract, kind):
    contract = tiny_contract()
    at, feature = next((at, one) for at, one in enumerate(contract.features) if one.kind == kind)
    columns = [pa.array([None]) for _ in contract.features]
    columns[at] = pa.array([-0.0])
    coded, (_, code, _) = encoded(contract, columns), reader(feature, contract)(-0.0)
    assert not coded.faults
    assert bits(coded.columns.feature_codes[0][at]) == bits(code)


@quick
@given(st.data())
def test_cells_of_a_csv_are_read_as_cells_of_a_table(data):
    contract = data.draw(contracts())
    cell = st.one_of(
        *(right_values(feature).map(str) for feature in contract.features),
        st.sampled_from(ODD_CELLS),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    )
    rows = data.draw(st.lists(st.tuples(*[cell] * len(contract.features)), min_size=1, max_size=6))
    coded = encoded(contract, [pa.array([text.encode() for text in each]) for each in zip(*rows, strict=True)])
    readers = [cell_reader(feature, contract) for feature in contract.features]
    same(contract, coded, [[read(text.strip()) for read, text in zip(readers, row, strict=True)] for row in rows])


@quick
@given(st.data())
def test_values_of_a_parquet_file_are_read_as_those_of_a_request(data):
    contract = data.draw(contracts())
    kinds = [pa.int64(), pa.int8(), pa.float64(), pa.bool_(), pa.string(), DICTIONARY]
    columns = []
    rows = data.draw(st.integers(1, 5))
    for feature in contract.features:
        values = data.draw(st.lists(st.none() | right_values(feature) | anything, min_size=rows, max_size=rows))
        columns.append(_typed(values, data.draw(st.sampled_from(kinds))))
    coded = encoded(contract, columns)
    given_rows = zip(*(column.to_pylist() for column in columns), strict=True)
    outcomes = [[_read(contract, at, raw) for at, raw in enumerate(row)] for row in given_rows]
    same(contract, coded, outcomes)


@quick
@given(st.data())
def test_numbers_of_a_parquet_file_that_are_no_doubles_are_read_as_publishing_reads_them(data):
    contract = data.draw(contracts())
    kinds = [pa.float32(), pa.float16(), pa.decimal128(20, 3)]
    rows = data.draw(st.integers(1, 5))
    columns = []
    for feature in contract.features:
        values = data.draw(st.lists(st.none() | right_values(feature) | anything, min_size=rows, max_size=rows))
        columns.append(_typed(values, data.draw(st.sampled_from(kinds))))
    file = io.BytesIO()
    pq.write_table(pa.table({str(at): column for at, column in enumerate(columns)}), file)
    cells, _ = parquet_cells(file.getvalue())
    readers = [cell_reader(feature, contract) for feature in contract.features]
    published = [[read(text) for read, text in zip(readers, row, strict=True)] for row in cells.itertuples(index=False)]
    same(contract, encoded(contract, columns), published)


def test_the_single_precision_of_a_file_makes_no_other_number():
    assert as_written(pa.array([0.1, 0.3, None, math.nan], pa.float32())).to_pylist() == ["0.1", "0.3", None, None]
    assert as_written(pa.array([Decimal("0.30")], pa.decimal128(4, 2))).to_pylist() == ["0.30"]
    assert as_written(pa.array([0.3])).to_pylist() == [0.3]


def _typed(values, kind):
    """A column of the type with those of the values that it can hold, null for the others."""
    kept = []
    for value in values:
        try:
            kept.append(pa.array([value], pa.string() if pa.types.is_dictionary(kind) else kind)[0].as_py())
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
            kept.append(None)
    return pa.array(kept, pa.string()).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(kept, kind)


def _read(contract, at, raw):
    feature = contract.features[at]
    if isinstance(raw, str):
        return cell_reader(feature, contract)(raw.strip())
    return reader(feature, contract)(raw)


def test_nan_in_a_column_of_floats_is_missing():
    column = pa.array([math.nan, 30.0, None])
    others = [pa.nulls(3, pa.string())] * (len(CONTRACT.features) - 1)
    coded = encoded(CONTRACT, [column, *others])
    assert coded.columns.values[0][0:3] == [None, 30, None]
    assert not coded.faults


def test_bytes_that_are_no_text_are_a_fault_of_their_row():
    columns = [pa.array([b"", b""])] * (len(CONTRACT.features) - 1)
    coded = encoded(CONTRACT, [*columns, pa.array([b"5", b"\xff"])])
    assert [(fault.row, fault.field) for fault in coded.faults] == [(2, CONTRACT.feature_names[-1])]
    assert coded.numbers.tolist() == [1]


def test_a_column_that_lacks_is_named_with_what_may_be_meant():
    first, *others = [feature.column for feature in CONTRACT.features]
    with pytest.raises(InvalidTable, match=f"{first}: is missing.*did you mean '{first.upper()} '"):
        ArrowCodec(CONTRACT, [first.upper() + " ", *others])


def test_public_names_do_where_the_table_s_own_are_not_there():
    assert ArrowCodec(CONTRACT, CONTRACT.feature_names).sources == CONTRACT.feature_names
