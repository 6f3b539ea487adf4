"""Slices count every row, and are measured only where there are enough."""

from __future__ import annotations

import numpy as np
import pandas as pd

from model_orchestration.evaluation.slices import MAX_SLICES, slices
from tabular.data.table import CleanTable


def test_of_a_slice_feature_with_many_values_the_most_frequent_are_measured(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(slice_features=["weight"]))
    rows = 2_000
    weights = np.where(np.arange(rows) < 40, 0.5, np.linspace(-1, 1, rows))
    target = pd.Series(np.arange(rows) % 2, dtype="float64")
    table = CleanTable(pd.DataFrame({"weight": weights}), target, target.astype(str))
    found = slices(contract, table, np.full(rows, 0.5), 0.5)
    assert len(found) == MAX_SLICES
    assert max(found, key=lambda one: one.n).value == "0.5"


def test_slices_count_every_row_and_measure_only_where_they_can(trained):
    parts = trained.parts
    found = slices(trained.contract, parts.test, trained.test_scores, 0.3)
    for feature in trained.contract.table.slice_features:
        assert sum(one.n for one in found if one.feature == feature) == len(parts.test)
    assert any(one.value == "(missing)" for one in found)
    assert all(one.metrics is None for one in found if one.n < 30)
    assert any(one.metrics is not None and 0 < one.metrics["roc_auc"] <= 1 for one in found)


def test_a_slice_of_one_class_has_no_metrics(trained):
    test = trained.parts.test
    name = trained.contract.table.slice_features[0]
    one_class = test.take(np.flatnonzero((test.target == 0).to_numpy()))
    found = slices(trained.contract, one_class, trained.test_scores[: len(one_class)], 0.3)
    assert {one.metrics is None for one in found if one.feature == name} == {True}
