"""Measured quality: the measures are those of training, their intervals hold the truth, few rows give nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabular.quality.intervals import intervals
from tabular.quality.labelled.measured import MAX_SLICES, measured_quality
from tabular.quality.labelled.rows import LabelledRows
from tabular.quality.metrics import metrics, row_losses

REPEATS = 400
ERROR = 4 * np.sqrt(0.05 * 0.95 / REPEATS)


def rows_of(task, draw, rows, **features):
    frame = pd.DataFrame(features, index=range(rows))
    if task == "regression":
        score = draw.normal(size=rows)
        return LabelledRows(frame, score + draw.normal(size=rows), score)
    if task == "binary":
        target = (draw.random(rows) < 0.2).astype(float)
        return LabelledRows(frame, target, 1 / (1 + np.exp(-draw.normal(1.5 * target - 2))))
    target = draw.choice(3, rows, p=[0.6, 0.3, 0.1])
    odds = np.exp(1.5 * (draw.normal(size=(rows, 3)) + np.eye(3)[target]))
    return LabelledRows(frame, target.astype(float), odds / odds.sum(axis=1, keepdims=True))


NAMES = {
    "binary": ["roc_auc", "log_loss"],
    "multiclass": ["roc_auc", "log_loss", "macro_log_loss"],
    "regression": ["r2", "rmse"],
}


@pytest.mark.parametrize("task", NAMES)
def test_the_measures_are_those_that_training_tells(tiny_contract, task):
    rows = rows_of(task, np.random.default_rng(0), 500)
    found = measured_quality(rows, tiny_contract(task)).measures
    assert list(found) == NAMES[task]
    told, ends = metrics(task, rows.target, rows.scores), intervals(task, rows.target, rows.scores)
    for name in set(NAMES[task]) - {"macro_log_loss"}:
        assert found[name].value == pytest.approx(told[name], rel=1e-12)
        assert found[name].interval == pytest.approx(ends[name], rel=1e-9)


def test_the_macro_log_loss_is_the_mean_of_the_classes_means_and_its_interval_holds_the_truth(tiny_contract):
    contract, draw = tiny_contract("multiclass"), np.random.default_rng(1)

    def macro(rows):
        losses = row_losses("multiclass", rows.target, rows.scores)
        return np.mean([losses[rows.target == code].mean() for code in range(3)])

    truth = macro(rows_of("multiclass", draw, 400_000))
    within = 0
    for _ in range(REPEATS):
        rows = rows_of("multiclass", draw, 500)
        value, (low, high) = measured_quality(rows, contract).measures["macro_log_loss"]
        assert value == pytest.approx(macro(rows))
        within += low <= truth <= high
    assert abs(within / REPEATS - 0.95) <= ERROR


@pytest.mark.parametrize(("rows", "positives", "is_measured"), [(29, 10, False), (30, 4, False), (30, 5, True)])
def test_few_rows_or_few_of_a_class_give_no_number(tiny_contract, rows, positives, is_measured):
    target = np.zeros(rows)
    target[:positives] = 1
    found = measured_quality(LabelledRows(pd.DataFrame(), target, np.linspace(0.1, 0.9, rows), 2), tiny_contract())
    assert (found.rows, found.unreadable, bool(found.measures)) == (rows, 2, is_measured)


def test_rows_of_one_class_give_no_number(tiny_contract):
    found = measured_quality(LabelledRows(pd.DataFrame(), np.ones(100), np.full(100, 0.9)), tiny_contract())
    assert found.measures == {}


def test_each_slice_is_measured_and_the_small_ones_only_counted(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["table"].update(slice_features=["class"]))
    names = np.array(["A"] * 600 + ["B"] * 20, dtype=object)
    rows = rows_of("binary", np.random.default_rng(2), 620, **{"class": names})
    large, small = measured_quality(rows, contract).slices
    assert (large.value, large.rows, small.value, small.rows, small.measures) == ("A", 600, "B", 20, {})
    told = metrics("binary", rows.target[:600], rows.scores[:600])
    assert large.measures["roc_auc"].value == pytest.approx(told["roc_auc"])


def test_only_the_largest_slices_are_measured(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["table"].update(slice_features=["age in years"]))
    ages = np.concatenate([np.arange(80), np.full(200, 7)])
    found = measured_quality(rows_of("binary", np.random.default_rng(3), 280, **{"age in years": ages}), contract)
    assert (len(found.slices), found.slices[0].value, found.slices[0].rows) == (MAX_SLICES, "7", 201)


def test_nothing_at_all_is_measured_as_nothing(tiny_contract):
    found = measured_quality(LabelledRows(pd.DataFrame(), np.empty(0), np.empty(0)), tiny_contract())
    assert (found.rows, found.measures, found.slices) == (0, {}, ())
