"""Slices count every row, and are measured only where there are enough."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric_name

from model_orchestration.evaluation.by_slice.records import MAX_LOGGED, slice_metrics, slice_table
from model_orchestration.evaluation.plots import by_slice
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.quality.interval import Interval
from tabular.quality.slices import MAX_SLICES, Slice, slices


def test_of_a_slice_feature_with_many_values_the_most_frequent_are_measured(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(slice_features=["weight"]))
    rows = 2_000
    weights = np.where(np.arange(rows) < 40, 0.5, np.linspace(-1, 1, rows))
    target = np.arange(rows) % 2.0
    found = slices(contract, pd.DataFrame({"weight": weights}), target, np.full(rows, 0.5))
    assert len(found) == MAX_SLICES
    assert max(found, key=lambda one: one.n).value == "0.5"


def of_test(trained):
    test = trained.parts.test
    return slices(trained.contract, test.features, test.target.to_numpy(), trained.test_scores, 0.3)


def test_slices_count_every_row_and_measure_only_where_they_can(trained):
    parts = trained.parts
    found = of_test(trained)
    for feature in trained.contract.table.slice_features:
        assert sum(one.n for one in found if one.feature == feature) == len(parts.test)
    assert any(one.value == "(missing)" for one in found)
    assert all(one.metrics is None for one in found if one.n < 30)
    assert any(one.metrics is not None and 0 < one.metrics["roc_auc"] <= 1 for one in found)


def test_a_slice_of_one_class_has_no_metrics(trained):
    test = trained.parts.test
    name = trained.contract.table.slice_features[0]
    one_class = test.take(np.flatnonzero((test.target == 0).to_numpy()))
    target = one_class.target.to_numpy()
    found = slices(trained.contract, one_class.features, target, trained.test_scores[: len(one_class)], 0.3)
    assert {one.metrics is None for one in found if one.feature == name} == {True}


def test_a_run_has_the_rows_and_the_metric_of_each_slice_with_its_interval(trained):
    found = of_test(trained)
    logged = slice_metrics("binary", found)
    one = next(one for one in found if one.metrics is not None and one.value.isalpha())
    name = f"slice/{one.feature}/{one.value}"
    assert logged[f"{name}/rows"] == one.n
    low, high = one.intervals["roc_auc"]
    assert logged[f"{name}/roc_auc_low"] == low <= logged[f"{name}/roc_auc"] <= high == logged[f"{name}/roc_auc_high"]
    assert sum(key.endswith("/rows") for key in logged) == len(found)


AWKWARD = [
    "$60K - $80K",
    ":24:60K",
    "(missing)",
    "missing",
    "a/b",
    "a:2f:b",
    ".",
    "..",
    " x",
    "x",
    "Ünï",
    "%",
    "",
    "y" * 300,
]


def test_any_value_becomes_a_name_that_mlflow_takes_and_no_two_become_one():
    values = [*AWKWARD, "y" * 299 + "z"]
    logged = slice_metrics(
        "regression",
        [Slice("a b/c", value, 50, {"rmse": 1.0}, {"rmse": Interval(0.5, 2)}) for value in values if value],
    )
    assert len(logged) == 4 * len(list(filter(None, values)))
    for name in logged:
        _validate_metric_name(name)
        assert len(name) <= MAX_ENTITY_KEY_LENGTH


def test_of_very_many_slices_the_largest_are_logged_in_one_call():
    found = [Slice("f", str(at), at, {"rmse": 1.0}, {"rmse": Interval(0.5, 2)}) for at in range(1_000)]
    logged = slice_metrics("regression", found)
    assert len(logged) == 4 * MAX_LOGGED <= 1_000
    assert "slice/f/999/rows" in logged


def test_the_table_has_a_row_for_each_slice_and_its_figures(trained):
    found = of_test(trained)
    table = pd.read_csv(io.BytesIO(slice_table(found)), keep_default_na=False, na_values=[""])
    assert table["value"].tolist() == [one.value for one in found]
    assert table["rows"].tolist() == [one.n for one in found]
    at = next(at for at, one in enumerate(found) if one.metrics is not None)
    assert table["roc_auc"][at] == pytest.approx(found[at].metrics["roc_auc"])
    assert table["roc_auc_high"][at] == pytest.approx(found[at].intervals["roc_auc"].high)
    assert np.isnan(table["roc_auc"][[one.metrics is None for one in found]]).all()


def test_slices_are_drawn_for_every_task(trained):
    assert by_slice(trained.contract, of_test(trained)).startswith(b"\x89PNG")


def test_a_number_is_called_the_same_whether_it_came_from_a_table_or_a_request(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(slice_features=["age in years"]))
    target, scores = np.arange(80) % 2.0, np.linspace(0.1, 0.9, 80)
    of_a_table, of_requests = (
        slices(contract, pd.DataFrame({"age in years": values}), target, scores)
        for values in ([30.0] * 40 + [31.5] * 39 + [None], [30] * 40 + [31.5] * 39 + [None])
    )
    assert [one.value for one in of_a_table] == ["(missing)", "30", "31.5"]
    assert of_a_table == of_requests


def test_of_a_small_table_each_row_counts_once(trained):
    test = trained.parts.test
    twice = np.r_[np.arange(len(test))[::-1], np.arange(len(test))]
    found = HeldOut(test.take(twice), {MODEL: trained.test_scores[twice]}, twice, 5).once()
    np.testing.assert_array_equal(found.rows.features.index, test.features.index[::-1])
    np.testing.assert_array_equal(found.scores[MODEL], trained.test_scores[::-1])
    assert found.units is None
