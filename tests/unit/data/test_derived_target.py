"""A target that is the minutes between two columns of the table."""

from __future__ import annotations

import msgspec
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.errors import InvalidTable

CONTRACT = load_contract(PROJECT / "contracts" / "taxi_rides.toml")
HEADER = "lpep_pickup_datetime,lpep_dropoff_datetime,trip_distance,PULocationID,DOLocationID\n"
ROWS = [
    "2022-01-01 00:14:21,2022-01-01 00:15:33,0.44,42,42",
    "2022-01-01 00:20:55,2022-01-01 00:21:54,2.1,116,41",  # 59 seconds
    "2022-01-31 23:57:02,2022-02-01T00:13:14.5,3.7,41,140",
    "2022-01-01 00:07:42,2022-01-01 01:07:43,1.69,181,181",  # an hour and a second
]


def table(rows):
    return clean(CONTRACT, read_table((HEADER + "\n".join(rows) + "\n").encode()).cells)


def test_rows_outside_of_what_is_kept_are_left_out_and_the_others_keep_their_place_in_the_file():
    found = table(ROWS)
    assert found.features.index.tolist() == found.target.index.tolist() == [0, 2]
    assert (found.rows_left_out, found.dropped.count) == (2, 0)
    assert found.target.tolist() == [1.2, pytest.approx(16 + 12.5 / 60)]
    assert encode(CONTRACT, found.features)[:, -2:].tolist() == [[0, 5], [23, 0]]
    assert [record["pickup_datetime"] for record in public_records(CONTRACT, found.features)] == [
        "2022-01-01T00:14:21",
        "2022-01-31T23:57:02",
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",2022-01-01 00:15:33,0.44,42,42", "lpep_pickup_datetime"),
        ("2022-01-01 00:14:21,,0.44,42,42", "lpep_dropoff_datetime"),
        ("2022-01-01 00:14:21,soon,0.44,42,42", "lpep_dropoff_datetime"),
        ("2022-01-01 00:14:21,2022-01-01T00:15:33Z,0.44,42,42", "lpep_dropoff_datetime"),
        ("2022-01-01 00:14:21Z,2022-01-01T00:15:33Z,0.44,42,42", "lpep_pickup_datetime"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_row(row, column):
    with pytest.raises(InvalidTable) as found:
        table([*ROWS, row])
    assert (column, 5) in {(fault.field, fault.row) for fault in found.value.faults}


def test_both_columns_are_asked_for():
    with pytest.raises(InvalidTable, match="lpep_dropoff_datetime"):
        clean(
            CONTRACT,
            read_table(b"lpep_pickup_datetime,trip_distance,PULocationID,DOLocationID\n2022-01-01,1,2,3\n").cells,
        )


def test_synthetic_rows_have_the_minutes_that_the_contract_asks_for():
    found = clean(CONTRACT, read_table(make_table(CONTRACT, 4_000, seed=3)).cells)
    assert len(found) == 4_000
    assert found.target.median() == pytest.approx(11, abs=1)
    assert found.features["pickup_datetime"].min().year == 2022
    assert found.features["trip_distance"].corr(found.target) > 0.5


def test_rows_outside_of_what_is_kept_are_told_by_the_checks():
    body = make_table(CONTRACT, 400, seed=3)
    assert check(CONTRACT, body).rows_left_out == 0
    keep = msgspec.structs.replace(CONTRACT.target, keep=(10.0, 60.0))
    narrow = msgspec.structs.replace(CONTRACT, target=keep)
    report = check(narrow, body)
    assert report.rows_left_out == 400 - report.rows > 0
    assert any(f"{report.rows_left_out:,} of 400 rows were left out" in text for text in report.warnings)
