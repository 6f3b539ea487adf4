"""Rows read together are the rows read one by one, or are left to be read one by one."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.encoding.columns import Column, ColumnCodec, LabelColumn, columns_of
from tabular.encoding.row import RowCodec, matrix
from tabular.errors import Rejected
from tests.unit.any_contract import contracts, near_records, quick, right_values
from tests.unit.churn import CODEC, CONTRACT

COLUMNS = ColumnCodec(CONTRACT, CODEC)
MOST = 10_000
EXAMPLE = CONTRACT.example


def same(columns, rows):
    """The columns hold these rows, to the type of every value and the bit of every code."""
    assert len(columns) == len(rows)
    for at, row in enumerate(rows):
        assert columns.row(at) == list(row.values)
        assert list(map(type, columns.row(at))) == list(map(type, row.values))
        assert columns.unknown.get(at, ()) == row.unknown
        assert (columns.business_keys or [None] * len(rows))[at] == row.business_key
    np.testing.assert_array_equal(columns.matrix.view(np.int32), matrix(rows).view(np.int32))
    assert columns.matrix.flags.c_contiguous


def together(contract, records, way):
    codec = ColumnCodec(contract, RowCodec(contract))
    if way == "array":
        return codec.array(json.dumps(records).encode(), MOST)
    return codec.lines([json.dumps(record).encode() for record in records])


@pytest.mark.parametrize("way", ["array", "lines"])
@quick
@given(st.data())
def test_what_is_read_together_is_what_each_is_alone(way, data):
    contract = data.draw(contracts())
    codec = RowCodec(contract)
    records = data.draw(st.lists(near_records(contract), max_size=4))
    columns = together(contract, records, way)
    if columns is not None:  # then none of them may be refused
        same(columns, [codec.decode(json.dumps(record).encode()) for record in records])


@pytest.mark.parametrize("way", ["array", "lines"])
@quick
@given(st.data())
def test_records_in_the_usual_spelling_are_always_read_together(way, data):
    contract = data.draw(contracts())
    one = st.fixed_dictionaries({feature.name: st.none() | right_values(feature) for feature in contract.features})
    assert together(contract, data.draw(st.lists(one, min_size=1, max_size=4)), way) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"gender": "m"},
        {"education_level": "GRADUATE"},
        {"education_level": 2},
        {"income_category": "Unknown"},
        {"customer_age": None},
        {"credit_limit": 5000},
        {"customer_id": "C-1"},
        {"customer_id": 768805383},
        {"customer_id": " Unknown "},
        {"customer_id": None},
    ],
)
def test_the_other_usual_spellings_are_read_together_too(changes):
    body = json.dumps([EXAMPLE, EXAMPLE | changes]).encode()
    same(COLUMNS.array(body, MOST), [CODEC.decode(json.dumps(each).encode()) for each in (EXAMPLE, EXAMPLE | changes)])


@pytest.mark.parametrize(
    "records",
    [
        [],
        EXAMPLE,
        [EXAMPLE, EXAMPLE | {"gender": "Pink"}],
        [EXAMPLE, EXAMPLE | {"gender": " f "}],
        [EXAMPLE, EXAMPLE | {"customer_age": "57"}],
        [EXAMPLE, EXAMPLE | {"colour": 1}],
        [EXAMPLE, EXAMPLE | {"education_level": 99}],
        [EXAMPLE, EXAMPLE | {"customer_id": 1.5}],
        [EXAMPLE, EXAMPLE | {"customer_id": "a\nb"}],
        [EXAMPLE, EXAMPLE | {"customer_id": "x" * 201}],
        [EXAMPLE, {}],
        [EXAMPLE, 7],
    ],
    ids=str,
)
def test_what_has_to_be_looked_at_by_itself_is_not_read_together(records):
    assert COLUMNS.array(json.dumps(records).encode(), MOST) is None


@pytest.mark.parametrize("body", [b"", b"[", b"[{}", b"null", b"\xff", b"[" * 5_000])
def test_what_is_no_json_is_not_read_together(body):
    assert COLUMNS.array(body, MOST) is None
    assert COLUMNS.lines([body]) is None


def test_a_line_is_one_record_however_the_others_are_broken():
    whole = json.dumps(EXAMPLE).encode()
    head, tail = whole[:30], whole[30:]
    assert COLUMNS.lines([whole, whole]) is not None
    for lines in (
        [whole + whole, b""],
        [whole + whole],
        [whole + b" " + whole, head, tail],
        [head, tail, whole + whole],
    ):
        assert COLUMNS.lines(lines) is None


def test_rows_read_alone_can_be_turned_into_columns():
    records = [EXAMPLE, EXAMPLE | {"card_category": "Pink"}, EXAMPLE | {"gender": None}]
    rows = [CODEC.parse(record) for record in records]
    same(columns_of(rows), rows)


def test_a_row_that_is_refused_alone_is_never_read_together():
    body = json.dumps(EXAMPLE | {"customer_age": 1_000}).encode()
    with pytest.raises(Rejected):
        CODEC.decode(body)
    assert COLUMNS.lines([body]) is None
    assert COLUMNS.array(b"[" + body + b"]", MOST) is None
    assert COLUMNS.array(msgspec.json.encode([EXAMPLE]), MOST) is not None


@pytest.mark.parametrize("count", [127, 128])
def test_a_feature_may_have_more_categories_than_a_byte_can_tell(tiny_contract, count):
    categories = [f"label {at}" for at in range(count)]
    contract = tiny_contract(change=lambda file: file["features"][1].update(categories=categories, example="label 0"))
    codec = RowCodec(contract)
    records = [{"age in years": 3, "class": label, "stars": 1, "weight": None} for label in [*categories, None]]
    columns = ColumnCodec(contract, codec).array(json.dumps(records).encode(), MOST)
    assert isinstance(columns.values[1], LabelColumn) == (count == 127)
    same(columns, [codec.parse(record) for record in records])


def test_a_column_of_labels_survives_being_written_down():
    column = LabelColumn(("a", "b"), bytes([0, 255, 1]))
    again = msgspec.json.decode(msgspec.json.encode([column, ["x", None]]), type=list[Column])
    assert [list(each) for each in again] == [["a", None, "b"], ["x", None]]
    assert (len(again[0]), again[0][1], again[0][2]) == (3, None, "b")


def test_more_rows_than_are_read_at_once_are_left_to_whoever_counts_them():
    body = json.dumps([EXAMPLE] * 3).encode()
    assert len(COLUMNS.array(body, 3)) == 3
    assert COLUMNS.array(body, 2) is None
