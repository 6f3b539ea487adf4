"""Parquet: a typed value means what it means as JSON and as a cell of a CSV."""

from __future__ import annotations

import decimal
import io
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tabular.contract.source import SourceOptions
from tabular.data.reading import read_table
from tabular.data.table import clean
from tabular.encoding.row import RowCodec
from tabular.errors import InvalidTable

WHEN = pd.Timestamp(2022, 1, 31, 8, 30)


def parquet(columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([3, None, -(2**53) - 1]), ["3", "", "-9007199254740993"]),
        (pa.array([255, 0, None], pa.uint8()), ["255", "0", ""]),
        (pa.array([0.1, float("nan"), None]), ["0.1", "", ""]),
        (pa.array([0.1, 3.0, None], pa.float32()), ["0.1", "3", ""]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([" A ", "", None]), ["A", "", ""]),
        (pa.array(["A", None, "B"]).dictionary_encode(), ["A", "", "B"]),
        (
            pa.array([WHEN, None, WHEN.replace(microsecond=500_000)]),
            ["2022-01-31T08:30:00", "", "2022-01-31T08:30:00.500000"],
        ),
        (pa.array([WHEN] * 3, pa.timestamp("s", "Europe/Berlin")), ["2022-01-31T09:30:00+01:00"] * 3),
        (pa.array([WHEN] * 3, pa.timestamp("ms", "UTC")), ["2022-01-31T08:30:00Z"] * 3),
        (pa.array([WHEN.date(), None, None]), ["2022-01-31", "", ""]),
        (pa.array([decimal.Decimal("3.50"), None, None]), ["3.50", "", ""]),
        (pa.array([None, None, None]), ["", "", ""]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_typed_value_is_one_text(values, texts):
    cells, read_as = read_table(parquet({" x ": values}))
    assert cells["x"].tolist() == texts
    assert (read_as.format, read_as.described(SourceOptions())) == ("parquet", "Parquet")


def test_every_double_comes_back_to_the_bit():
    numbers = np.random.default_rng(0).integers(-(2**63), 2**63, 20_000, dtype=np.int64).view(np.float64)
    texts = read_table(parquet({"x": pa.array(numbers)})).cells["x"]
    for number, text in zip(numbers, texts, strict=True):
        assert text == "" if math.isnan(number) else np.float64(text) == number


def test_values_of_parquet_mean_what_they_mean_in_json(tiny_contract):
    contract = tiny_contract()
    rows = [
        {"age in years": 30, "class": "a", "stars": 3.0, "weight": 0.1},
        {"age in years": None, "class": None, "stars": None, "weight": None},
        {"age in years": 41.0, "class": "B", "stars": 1, "weight": -1},
    ]
    columns = {feature.column: [row[feature.name] for row in rows] for feature in contract.features}
    table = clean(
        contract, read_table(parquet(columns | {"Y": [True, False, True]} | {"Y": ["yes", "no", "no"]})).cells
    )
    served = [RowCodec(contract).parse(row).values for row in rows]
    found = table.features.astype(object).where(table.features.notna(), None).to_numpy().tolist()
    assert [tuple(row) for row in found] == served


def test_a_nested_column_is_left_out_and_told_and_missing_where_it_is_needed(tiny_contract):
    columns = {"Age": [1], "Class": ["A"], "Stars": [[1, 2]], "Weight": [0.5], "Y": ["no"], "More": [{"a": 1}]}
    cells, read_as = read_table(parquet(columns))
    assert read_as.left_out == ("Stars", "More")
    assert read_as.described(SourceOptions()) == (
        "Parquet; left out, as nested values, bytes and durations are no cells: Stars, More"
    )
    with pytest.raises(InvalidTable, match="Stars: is missing from the table"):
        clean(tiny_contract(), cells)


@pytest.mark.parametrize(
    ("body", "source", "why"),
    [
        (parquet({"a": [1]})[:-9], {}, "the Parquet file cannot be read: .* Check whether it was cut"),
        (parquet({"a": [1], " a": [1]}), {}, "a: stands more than once among the columns"),
        (b"a,b\n1,2\n", {"format": "parquet"}, 'says format = "parquet"'),
        (parquet({"a": [1]}), {"format": "csv"}, 'the file is a Parquet file, and .* format = "csv"'),
        (parquet({"a": [1]}), {"header": False, "columns": ("a",)}, "a Parquet file .* has the names of its columns"),
    ],
)
def test_a_file_that_is_not_what_the_contract_says_is_refused(body, source, why):
    with pytest.raises(InvalidTable, match=why):
        read_table(body, SourceOptions(**source))


def test_the_real_tables_are_read_as_they_come(real_tables):
    taxi, read_as = read_table((real_tables / "green_tripdata.parquet").read_bytes())
    assert (taxi.shape, read_as.format) == ((62_495, 5), "parquet")
    known = pd.read_parquet(real_tables / "green_tripdata.parquet")
    for name in known:
        if known[name].dtype.kind == "M":
            assert (pd.to_datetime(taxi[name]) == known[name]).all()
        else:
            assert (taxi[name].astype(float) == known[name].astype(float)).all()
    census, read_as = read_table((real_tables / "census.csv").read_bytes())
    assert (census.shape, read_as.separator) == ((32_561, 15), ",")
    assert (census["salary"] == ">50K").sum() == 7_841
