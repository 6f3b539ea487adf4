"""The data step: a version out of the store, and its three parts."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from model_orchestration.data.split import pull, split
from tabular.data import feature_store
from tabular.adapters.s3 import S3Objects
from tabular.errors import InvalidTable, NotFound, Rejected
from tabular.data.synthetic import make_table
from tabular.data.table import clean, read_csv


@pytest.fixture
def objects(ministack):
    bucket = S3Objects(f"data-{uuid.uuid4()}", f"http://127.0.0.1:{ministack.port}")
    bucket.ensure_bucket()
    return bucket


def table(contract, rows=1_000, seed=0):
    return clean(contract, read_csv(make_table(contract, rows, seed)))


def rows_of(part):
    return set(part.features.index)


def test_pulling_gives_the_latest_version_or_the_one_named(objects, contract):
    old, new = (
        feature_store.publish(objects, contract, make_table(contract, rows, 0), "table.csv") for rows in (100, 200)
    )
    assert len(pull(objects, contract)) == 200
    assert len(pull(objects, contract, old.sha256)) == 100
    assert len(pull(objects, contract, new.sha256)) == 200


def test_pulling_names_what_is_missing_damaged_or_broken(objects, contract):
    with pytest.raises(NotFound, match="make init_aws"):
        pull(objects, contract)
    broken = make_table(contract, 100, 0).replace(b"Blue", b"Wood")
    version = feature_store.publish(objects, contract, broken, "table.csv")
    with pytest.raises(InvalidTable, match="row 1, Card_Category: holds 'Wood'"):
        pull(objects, contract)
    (key,) = [key for key in objects.keys("") if key.endswith("table.csv")]
    objects.put(key, b"something else")
    with pytest.raises(Rejected, match="was changed in the store"):
        pull(objects, contract, version.sha256)


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
