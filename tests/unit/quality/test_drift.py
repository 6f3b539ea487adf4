"""Drift: quiet when nothing moved, loud and by name when something did, and never an exception over odd data."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from model_orchestration.search.candidate import with_scores
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE
from tabular.predictions.prediction import Prediction
from tabular.predictions.window import window_frame
from tabular.quality.drift import Drift, compare
from tabular.quality.row_counts import TooFewRows
from tabular.quality.two_sample import ALPHA, holm


@pytest.fixture(scope="module")
def reference(bundle):
    return bundle.reference()


def sample(reference: pd.DataFrame, rows: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """Rows that did not drift: drawn with replacement from the reference."""
    return reference.sample(rows, replace=True, random_state=seed).reset_index(drop=True)


def column(drift: Drift, name: str):
    return next(found for found in drift.columns if found.name == name)


def test_rows_that_did_not_drift_are_quiet(reference, contract):
    for seed in range(10):
        drift = compare(reference, sample(reference, seed=seed), contract)
        assert not drift.dataset_drift, drift.drifted_columns
        assert drift.drifted_share == 0.0
        assert drift.prediction is not None
        assert not drift.prediction.drifted


def test_a_shifted_number_is_flagged_and_nothing_else(reference, contract):
    window = sample(reference)
    window["credit_limit"] *= 1.5
    drift = compare(reference, window, contract)
    assert drift.drifted_columns == ("credit_limit",)
    assert drift.dataset_drift
    assert drift.drifted_share == pytest.approx(1 / 11)
    found = column(drift, "credit_limit")
    assert (found.aspect, found.method, found.distance_method) == ("values", "ks", "ks_distance")
    assert found.p_value < ALPHA
    assert found.severity > 1


def test_a_changed_mix_of_labels_is_flagged_and_nothing_else(reference, contract):
    window = sample(reference)
    window.loc[:250, "marital_status"] = "Single"
    drift = compare(reference, window, contract)
    assert drift.drifted_columns == ("marital_status",)
    assert column(drift, "marital_status").method == "two_sample_chisquare"


def test_a_trifle_between_huge_tables_is_certain_and_still_not_drift(reference, contract):
    huge = sample(reference, 50_000)
    window = sample(reference, 100_000, seed=1)
    window["customer_age"] += 2
    found = column(compare(huge, window, contract), "customer_age")
    assert found.p_value < ALPHA
    assert found.severity < 1
    assert not found.drifted


def test_scores_that_moved_are_prediction_drift_and_not_dataset_drift(reference, contract):
    window = sample(reference)
    window[REFERENCE_SCORE] = window[REFERENCE_SCORE] ** 2
    drift = compare(reference, window, contract)
    assert drift.prediction.drifted
    assert not drift.dataset_drift


def test_values_that_go_missing_are_drift_of_that_column(reference, contract):
    window = sample(reference)
    window.loc[:200, "months_on_book"] = np.nan
    drift = compare(reference, window, contract)
    assert drift.drifted_columns == ("months_on_book",)
    found = column(drift, "months_on_book")
    assert found.aspect == "missing"
    assert found.missing_share == pytest.approx(0.201)
    assert found.reference_missing_share == 0.0


def test_unknown_categories_are_counted_and_many_of_them_are_drift(reference, contract):
    window = sample(reference)
    window.loc[0, "gender"] = "<script>alert(1)</script>"
    one = column(compare(reference, window, contract), "gender")
    assert (one.unknown, one.drifted) == (1, False)
    window.loc[:99, "gender"] = [f"label {number}" for number in range(100)]
    many = column(compare(reference, window, contract), "gender")
    assert (many.unknown, many.drifted) == (100, True)


@pytest.mark.parametrize("name", ["months_on_book", "gender"])
def test_a_column_that_is_never_there_any_more_is_drift(reference, contract, name):
    window = sample(reference)
    window[name] = None
    assert compare(reference, window, contract).drifted_columns == (name,)


@pytest.mark.parametrize("name", ["months_on_book", "gender"])
def test_a_column_that_was_never_there_and_comes_up_is_drift(reference, contract, name):
    empty = reference.copy()
    empty[name] = None
    assert compare(empty, sample(reference), contract).drifted_columns == (name,)


@pytest.mark.parametrize("name", ["months_on_book", "gender"])
def test_a_column_that_neither_side_has_is_quiet(reference, contract, name):
    empty = reference.copy()
    empty[name] = None
    found = column(compare(empty, sample(empty), contract), name)
    assert (found.drifted, found.p_value, found.missing_share) == (False, 1.0, 1.0)


@pytest.mark.parametrize(("name", "value"), [("months_on_book", 36.0), ("gender", "F")])
def test_a_constant_column_is_quiet_until_it_changes(reference, contract, name, value):
    constant = reference.copy()
    constant[name] = value
    assert not column(compare(constant, sample(constant), contract), name).drifted
    assert column(compare(constant, sample(reference), contract), name).drifted


@pytest.mark.parametrize("rows", [0, 1, 299])
def test_a_small_window_is_not_judged(reference, contract, rows):
    outcome = compare(reference, sample(reference).head(rows), contract)
    assert outcome == TooFewRows(have=rows, need=300)
    assert str(rows) in str(outcome)
    assert "300" in str(outcome)


def test_a_small_reference_is_not_judged_either(reference, contract):
    for window in (sample(reference), sample(reference).head(5)):
        outcome = compare(reference.head(10), window, contract)
        assert outcome == TooFewRows(10, 100, "reference")
        assert re.search(r"reference.* has 10 rows, 100 are needed.*more predictions do not help", str(outcome))


def test_frames_without_scores_are_compared_by_their_features(reference, contract):
    drift = compare(reference, sample(reference).drop(columns=REFERENCE_SCORE), contract)
    assert drift.prediction is None
    assert len(drift.columns) == 11


def test_holm_is_the_textbook_step_down():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([])).size == 0


def multiclass_reference(contract, scores):
    draw = np.random.default_rng(0)
    rows = len(scores)
    inputs = {
        "age in years": draw.integers(0, 120, rows).astype(float),
        "class": draw.choice(["A", "B"], rows),
        "stars": draw.choice(["1", "2", "3"], rows),
        "weight": draw.uniform(-1.5, 1.5, rows),
    }
    return with_scores(contract, pd.DataFrame(inputs), scores)


def test_another_mix_of_predicted_classes_is_drift_though_the_largest_probabilities_are_alike(tiny_contract):
    contract = tiny_contract("multiclass")
    draw = np.random.default_rng(1)
    scores = draw.dirichlet([2, 2, 2], 3_000)
    reference = multiclass_reference(contract, scores[:1_500])
    same = compare(reference, multiclass_reference(contract, scores[1_500:]), contract)
    assert (same.drifted_scores, same.predicted_class.drifted) == ((), False)
    other = np.sort(scores[1_500:], axis=1)[:, [0, 2, 1]]  # the second class is always the likeliest
    moved = compare(reference, multiclass_reference(contract, other), contract)
    assert moved.drifted_scores == ("the mix of predicted classes",)
    assert not moved.dataset_drift
    assert (moved.predicted_class.method, moved.prediction.drifted) == ("two_sample_chisquare", False)


def test_rows_of_a_small_table_s_reference_without_scores_are_not_in_its_mix(tiny_contract):
    contract = tiny_contract("multiclass")
    scores = np.random.default_rng(1).dirichlet([2, 2, 2], 1_500)
    reference = multiclass_reference(contract, np.where(np.arange(1_500)[:, np.newaxis] < 900, np.nan, scores))
    assert reference[REFERENCE_CLASS].isna().sum() == reference[REFERENCE_SCORE].isna().sum() == 900
    found = compare(reference, multiclass_reference(contract, scores), contract).predicted_class
    assert not found.drifted


def test_only_a_multiclass_model_has_a_mix_of_predicted_classes(reference, contract):
    assert compare(reference, sample(reference), contract).predicted_class is None


def predictions(contract, count: int, run_id: str = "a") -> list[Prediction]:
    row = {**contract.example, "credit_limit": None, "gender": "X"}
    shape = {
        "made_at": datetime(2026, 1, 1, tzinfo=UTC),
        "table": "t",
        "contract": contract.digest,
        "source": "api",
        "score": 0.25,
    }
    return [Prediction(id=f"{run_id}{at}", run_id=run_id, row=dict(row), **shape) for at in range(count)]


def test_predictions_become_a_frame_like_the_reference(reference, contract):
    frame = window_frame(predictions(contract, 3), contract)
    assert list(frame.columns) == [*contract.feature_names, REFERENCE_SCORE]
    assert frame["credit_limit"].isna().all()
    assert frame["credit_limit"].dtype == np.float64
    assert frame["gender"].tolist() == ["X"] * 3
    assert frame[REFERENCE_SCORE].tolist() == [0.25] * 3


def test_an_empty_window_is_an_empty_frame(reference, contract):
    assert compare(reference, window_frame([], contract), contract) == TooFewRows(0, 300)
