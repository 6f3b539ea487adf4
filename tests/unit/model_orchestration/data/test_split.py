"""The three parts of a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.split import split
from tabular.data.reading import read_table
from tabular.data.split_columns import times_of
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.errors import InvalidTable


def table(contract, rows=1_000, seed=0):
    return clean(contract, read_table(make_table(contract, rows, seed)).cells)


def rows_of(part):
    return set(part.features.index)


def test_the_parts_are_60_20_20_and_share_no_row(contract):
    whole = table(contract)
    parts = split(whole, seed=42)
    sizes = [len(part) for part in (parts.train, parts.validation, parts.test)]
    assert sizes == [600, 200, 200]
    together = [rows_of(part) for part in (parts.train, parts.validation, parts.test)]
    assert set.union(*together) == rows_of(whole)
    assert sum(map(len, together)) == len(whole)


def test_every_part_keeps_the_share_of_each_class(contract):
    parts = split(table(contract), seed=42)
    for part in (parts.train, parts.validation, parts.test):
        assert part.target.mean() == pytest.approx(0.16, abs=0.003)


def test_the_split_hangs_on_the_seed_alone(contract):
    one, same, other = split(table(contract), 42), split(table(contract), 42), split(table(contract), 43)
    assert one.test.features.index.tolist() == same.test.features.index.tolist()
    assert rows_of(one.test) != rows_of(other.test)


def test_features_and_target_stay_together(contract):
    whole = table(contract)
    test = split(whole, 42).test
    rows = test.features.index.to_numpy()
    np.testing.assert_array_equal(test.target, whole.target.to_numpy()[rows])
    assert test.raw_target.tolist() == whole.raw_target.iloc[rows].tolist()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_split_too(tiny_contract, task):
    parts = split(table(tiny_contract(task)), 42)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [600, 200, 200]
    if task == "multiclass":
        assert parts.test.raw_target.value_counts().to_dict() == {"low": 40, "mid": 100, "high": 60}


def parts_of(split_parts):
    return split_parts.train, split_parts.validation, split_parts.test


def with_split(tiny_contract, task="binary", **rules):
    return tiny_contract(task, lambda file: file.update(split=rules))


def test_the_shares_are_the_contracts(tiny_contract):
    contract = with_split(tiny_contract, shares=[0.5, 0.2, 0.3])
    parts = split(table(contract), 42, contract.split)
    assert [len(part) for part in parts_of(parts)] == [500, 200, 300]


def timed(contract, times, groups=None):
    """A table whose rows have these times and groups, in this order."""
    whole = table(contract, len(times))
    index = whole.features.index
    return replace(
        whole,
        times=pd.Series(np.asarray(times, dtype=float), index),
        groups=None if groups is None else pd.Series(list(groups), index),
    )


def test_with_times_the_test_rows_are_the_future(tiny_contract):
    times = np.random.default_rng(0).permutation(1_000)
    parts = parts_of(split(timed(tiny_contract(), times), 42))
    assert [len(part) for part in parts] == [600, 200, 200]
    assert parts[0].times.max() < parts[1].times.min()
    assert parts[1].times.max() < parts[2].times.min()


def test_rows_of_one_time_are_in_one_part(tiny_contract):
    parts = parts_of(split(timed(tiny_contract(), np.repeat(np.arange(100), 7)), 42))
    seen = [set(part.times) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 100


def test_too_few_times_are_rejected_naming_the_part(tiny_contract):
    with pytest.raises(InvalidTable, match=r"the test part would have no row .*split\.time_column"):
        split(timed(tiny_contract(), np.repeat([1, 2], 300)), 42)


def test_a_part_without_a_class_is_rejected(tiny_contract):
    contract = tiny_contract()
    whole = timed(contract, np.zeros(600))
    times = whole.target.rank(method="first")  # all of one class come first
    with pytest.raises(InvalidTable, match="part would have no row of the class"):
        split(replace(whole, times=times), 42)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("group_rows", [1, 3, 40])
def test_a_group_is_in_one_part_and_the_parts_have_their_shares(tiny_contract, task, group_rows):
    whole = table(tiny_contract(task), 2_000)
    groups = pd.Series([f"g{row // group_rows}" for row in range(2_000)], whole.features.index)
    parts = parts_of(split(replace(whole, groups=groups), 42))
    seen = [set(part.groups) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen)) == groups.nunique()
    assert [len(part) for part in parts] == pytest.approx([1_200, 400, 400], abs=2 * group_rows)
    if task != "regression":
        shares = whole.raw_target.value_counts(normalize=True).to_dict()
        for part in parts:
            assert part.raw_target.value_counts(normalize=True).to_dict() == pytest.approx(shares, abs=0.03)


def test_groups_are_dealt_out_by_the_seed_alone(tiny_contract):
    whole = table(tiny_contract(), 900)
    grouped = replace(whole, groups=pd.Series(np.arange(900) // 3, whole.features.index).astype(str))
    one, same, other = split(grouped, 42), split(grouped, 42), split(grouped, 43)
    assert rows_of(one.test) == rows_of(same.test)
    assert rows_of(one.test) != rows_of(other.test)


def test_with_times_and_groups_both_rules_hold_and_what_is_left_out_is_counted(tiny_contract):
    """300 customers with four snapshots each, a quarter of the time apart: every one lies across a cut."""
    customers = np.tile(np.arange(300), 4)
    whole = timed(tiny_contract(), np.arange(1_200), customers.astype(str))
    found = split(whole, 42)
    parts = parts_of(found)
    assert parts[0].times.max() < parts[1].times.min()
    assert parts[1].times.max() < parts[2].times.min()
    seen = [set(part.groups) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 300
    assert sum(map(len, parts)) + found.left_out == 1_200
    assert found.left_out > 0


def test_columns_of_the_split_are_read_from_the_source_and_are_no_features(tiny_contract):
    contract = with_split(tiny_contract, time_column="Day", group_column="Who")
    whole = table(contract)
    assert "Day" not in whole.features
    assert (whole.times.diff().dropna() == 86_400).all()
    parts = parts_of(split(whole, 42, contract.split))
    assert parts[0].times.max() < parts[2].times.min()


@pytest.mark.parametrize(
    ("column", "bad", "why"),
    [("Day", "soon", "ISO 8601"), ("Day", "", "ISO 8601"), ("Who", "", "name of its group")],
)
def test_a_row_without_time_or_group_is_named(tiny_contract, column, bad, why):
    contract = with_split(tiny_contract, time_column="Day", group_column="Who")
    raw = read_table(make_table(contract, 100, 0)).cells
    raw.loc[6, column] = bad
    with pytest.raises(InvalidTable) as error:
        clean(contract, raw)
    [fault] = error.value.faults
    assert (fault.field, fault.row) == (column, 7)
    assert why in fault.allowed


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["2024-01-01", "2024-01-02T00:00:00Z", "2024-01-02 02:00:00+01:00"], [0, 86_400, 90_000]),
        (["3", "1.5", "-2e3"], [3, 1.5, -2_000]),
        (["2024-01-01", "7", "31/12/2024"], [0, None, None]),
    ],
)
def test_times_are_numbers_or_iso_8601(cells, seconds):
    found = times_of(pd.Series(cells, dtype="str"))
    base = pd.Timestamp("2024-01-01", tz="UTC").timestamp() if cells[0].startswith("2024") else 0
    assert [None if np.isnan(one) else one - base for one in found] == seconds


def test_a_table_without_a_column_of_the_split_is_rejected(tiny_contract):
    contract = with_split(tiny_contract, time_column="Day")
    raw = read_table(make_table(contract, 100, 0)).cells.drop(columns="Day")
    with pytest.raises(InvalidTable, match="lacks columns") as error:
        clean(contract, raw)
    assert error.value.faults[0].field == "Day"
