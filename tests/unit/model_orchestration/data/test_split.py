"""The three parts of a table."""

from __future__ import annotations

import numpy as np
import pytest

from model_orchestration.data.split import split
from tabular.data.synthetic import make_table
from tabular.data.table import clean, read_csv


def table(contract, rows=1_000, seed=0):
    return clean(contract, read_csv(make_table(contract, rows, seed)))


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
