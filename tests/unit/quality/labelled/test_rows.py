"""Targets beside scores: which predictions count, as what, and that a reference gives the same rows."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.prediction import Prediction
from tabular.quality.labelled.rows import held_out, labelled_rows


def prediction(label, score=0.25, **changes):
    fields = {"id": "x", "made_at": datetime(2026, 1, 1, tzinfo=UTC), "table": "tiny", "run_id": "a", "contract": "c"}
    return Prediction(**(fields | {"source": "api", "row": {"class": "A"}, "score": score, "label": label} | changes))


def test_of_a_binary_task_the_positive_class_is_1_however_it_is_spelled(tiny_contract):
    rows = labelled_rows([prediction(label) for label in ("yes", "no", " YES ", None)], tiny_contract())
    assert rows.target.tolist() == [1.0, 0.0, 1.0]
    assert (len(rows), rows.unreadable, rows.scores.tolist()) == (3, 0, [0.25] * 3)


def test_labels_that_are_none_and_scores_that_are_no_number_are_counted_and_left_out(tiny_contract):
    found = [prediction("perhaps"), prediction("yes", np.nan), prediction("no", 0.5), prediction(3.0)]
    rows = labelled_rows(found, tiny_contract())
    assert (rows.target.tolist(), rows.scores.tolist(), rows.unreadable) == ([0.0], [0.5], 3)


def test_of_several_classes_the_target_is_the_position_and_the_scores_are_all_probabilities(tiny_contract):
    found = [prediction("mid", probabilities={"high": 0.5, "low": 0.2, "mid": 0.3}), prediction("high")]
    rows = labelled_rows(found, tiny_contract("multiclass"))
    assert rows.target.tolist() == [1.0, 2.0]
    assert rows.scores.tolist() == [[0.2, 0.3, 0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("label", ["12", True, np.inf, np.nan])
def test_of_a_regression_only_finite_numbers_are_targets(tiny_contract, label):
    rows = labelled_rows([prediction(label), prediction(12), prediction(-0.5)], tiny_contract("regression"))
    assert (rows.target.tolist(), rows.unreadable) == ([12.0, -0.5], 1)


def test_no_predictions_are_no_rows_of_the_right_width(tiny_contract):
    assert labelled_rows([], tiny_contract()).scores.shape == (0,)
    assert labelled_rows([prediction(None)], tiny_contract("multiclass")).scores.shape == (0, 3)


def test_the_slice_features_come_with_the_rows(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["table"].update(slice_features=["class", "stars"]))
    rows = labelled_rows([prediction("yes"), prediction("?"), prediction("no", row={"stars": "2"})], contract)
    assert rows.features["class"].tolist() == ["A", None]
    assert rows.features["stars"].tolist() == [None, "2"]


def test_of_a_reference_the_rows_without_a_score_are_left_out(bundle):
    reference = bundle.reference()
    reference.loc[::2, REFERENCE_SCORE] = np.nan
    rows = held_out(reference, bundle.contract)
    assert len(rows) == len(reference) // 2
    assert rows.target.tolist() == reference[REFERENCE_TARGET].to_numpy()[1::2].tolist()
    assert rows.features.index.tolist() == [*range(len(rows))]


def test_of_a_multiclass_reference_the_scores_are_the_probabilities(multiclass_bundle):
    rows = held_out(multiclass_bundle.reference(), multiclass_bundle.contract)
    assert rows.scores.shape == (900, 3)
    assert rows.scores.sum(axis=1) == pytest.approx(1, abs=1e-6)
