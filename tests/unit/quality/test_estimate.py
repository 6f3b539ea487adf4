"""The estimate is right and its interval holds where calibration does, and it is blind where outcomes change."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle
from tabular.model.calibration import NO_CALIBRATION
from tabular.quality.calibration.choice import FEW_ROWS, chosen
from tabular.quality.estimate import NoEstimate, estimator_of
from tabular.quality.metrics import metrics

ROWS, WINDOWS = 1_000, 60


class BundleOf(Bundle):
    """A bundle with these rows held out, and no model."""

    def __init__(self, contract, scores, target, seed=0):
        frame = {REFERENCE_TARGET: target}
        if scores.ndim == 1:
            frame[REFERENCE_SCORE] = scores
        else:
            frame |= {f"__probability_{at}__": column for at, column in enumerate(scores.T)}
            frame[REFERENCE_SCORE] = scores.max(axis=1)
        calibration = chosen(contract.table.task, target, scores, seed)
        for name, value in {"contract": contract, "calibration": calibration, "_frame": pd.DataFrame(frame)}.items():
            object.__setattr__(self, name, value)

    def reference(self):
        return self._frame


def logistic(margins):
    return 1 / (1 + np.exp(-margins))


def drawn(draw, rows, mean=-1.5, flipped=0.0):
    """Scores twice as sure as they may be, and outcomes, of which a share is turned round."""
    margins = draw.normal(mean, 1.5, rows)
    happens = draw.random(rows) < logistic(margins)
    return logistic(2 * margins), (happens ^ (draw.random(rows) < flipped)).astype(np.float64)


def drawn_of_three(draw, rows, mean=0.0):
    margins = draw.normal([mean, 0, -0.5], 1.2, (rows, 3))
    truth = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    target = (draw.random((rows, 1)) > truth.cumsum(axis=1)[:, :-1]).sum(axis=1).astype(np.float64)
    bold = truth**2
    return bold / bold.sum(axis=1, keepdims=True), target


@pytest.mark.parametrize("mean", [-2.5, -1.5, 0.0])
def test_in_60_models_the_interval_holds_the_measured_metric_though_the_inputs_shift(contract, mean):
    """Each with 1,000 rows held out and a window of 1,000: at least 52 of 60 (95 % of 60 less 3 deviations)."""
    draw = np.random.default_rng(0)
    inside, errors = {}, []
    for _ in range(WINDOWS):
        estimator = estimator_of(BundleOf(contract, *drawn(draw, ROWS)))
        scores, target = drawn(draw, ROWS, mean)
        measured = metrics("binary", target, scores)
        for name, one in estimator.estimate(scores).items():
            inside.setdefault(name, []).append(one.interval.low <= measured[name] <= one.interval.high)
        errors.append(estimator.estimate(scores)["roc_auc"].value - measured["roc_auc"])
    assert set(inside) == {"roc_auc", "log_loss", "brier", "accuracy"}
    assert not {name: sum(found) for name, found in inside.items() if sum(found) < 52}
    assert np.abs(errors).mean() < 0.02


def test_the_estimate_of_three_classes_is_near_what_is_measured(tiny_contract):
    draw = np.random.default_rng(0)
    estimator = estimator_of(BundleOf(tiny_contract("multiclass"), *drawn_of_three(draw, 3_000)))
    scores, target = drawn_of_three(draw, 10_000, mean=1.0)
    measured, raw = metrics("multiclass", target, scores), metrics("multiclass", target, scores)
    for name, one in estimator.estimate(scores).items():
        assert one.interval.low <= measured[name] <= one.interval.high, name
        assert one.value == pytest.approx(raw[name], rel=0.05), name


def test_it_is_blind_to_concept_drift(contract):
    draw = np.random.default_rng(0)
    estimator = estimator_of(BundleOf(contract, *drawn(draw, 3_000)))
    steady, flipped = drawn(np.random.default_rng(1), 5_000), drawn(np.random.default_rng(1), 5_000, flipped=0.3)
    np.testing.assert_array_equal(steady[0], flipped[0])
    found = estimator.estimate(flipped[0])["roc_auc"]
    measured = metrics("binary", flipped[1], flipped[0])["roc_auc"]
    assert found == estimator.estimate(steady[0])["roc_auc"]
    assert measured < found.interval.low - 0.05


def test_it_falls_when_the_inputs_become_harder(contract):
    draw = np.random.default_rng(0)
    estimator = estimator_of(BundleOf(contract, *drawn(draw, 3_000)))
    easy, hard = (logistic(2 * draw.normal(-1.5, spread, 3_000)) for spread in (1.5, 0.5))
    values = [estimator.estimate(scores)["roc_auc"].value for scores in (easy, hard)]
    assert values[1] < values[0] - 0.1


def test_calibrated_scores_are_taken_as_they_are(contract):
    draw = np.random.default_rng(0)
    scores, target = drawn(draw, 3_000)
    raw = BundleOf(contract, scores, target)
    served = raw.calibration.many(scores)
    training = msgspec.structs.replace(contract.training, calibrated=True)
    calibrated = BundleOf(msgspec.structs.replace(contract, training=training), served, target)
    fresh, _ = drawn(draw, 2_000)
    found = estimator_of(calibrated).estimate(raw.calibration.many(fresh))
    assert found["roc_auc"].value == pytest.approx(estimator_of(raw).estimate(fresh)["roc_auc"].value, abs=1e-6)
    assert found["log_loss"].value < estimator_of(raw).estimate(fresh)["log_loss"].value


def test_a_model_that_needs_no_calibration_is_not_taken_for_certain(contract):
    draw = np.random.default_rng(0)
    scores, target = drawn(draw, 300)
    bundle = BundleOf(contract, scores, target)
    object.__setattr__(bundle, "calibration", NO_CALIBRATION)
    fresh, _ = drawn(draw, 20_000)
    estimate = estimator_of(bundle).estimate(fresh)["roc_auc"]
    assert estimate.interval.high - estimate.interval.low > 0.02


def test_of_no_rows_there_is_no_estimate_and_one_row_has_no_ranking(contract):
    estimator = estimator_of(BundleOf(contract, *drawn(np.random.default_rng(0), 500)))
    assert estimator.estimate(np.array([])) == {}
    assert "roc_auc" not in estimator.estimate(np.array([0.4]))


def test_a_regression_and_few_rows_held_out_have_none_and_say_why(contract, tiny_contract):
    scores, target = drawn(np.random.default_rng(0), 500)
    target[np.flatnonzero(target)[FEW_ROWS - 1 :]] = 0
    few = estimator_of(BundleOf(contract, scores, target))
    assert isinstance(few, NoEstimate)
    assert f"{FEW_ROWS - 1} rows of its rarest class" in few.why
    assert "A regression" in estimator_of(BundleOf(tiny_contract("regression"), scores, target)).why
