"""What is fitted comes near the truth where it is known, and the choice is the best on rows held out."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.model.calibration import METHODS, NO_CALIBRATION
from tabular.quality.calibration.choice import FEW_ROWS, MAX_ROWS, chosen, out_of_fold_losses
from tabular.quality.calibration.fitting import fitted
from tabular.quality.metrics import row_losses

ROWS = 4_000


def logistic(margins):
    return 1 / (1 + np.exp(-margins))


def scored(bend, rows=ROWS, seed=0):
    """True probabilities, outcomes drawn by them, and the scores of a model whose log-odds are bent."""
    draw = np.random.default_rng(seed)
    margins = draw.normal(-1.5, 1.5, rows)
    truth = logistic(margins)
    return truth, (draw.random(rows) < truth).astype(np.float64), logistic(bend(margins)).astype(np.float32)


BENDS = {
    "calibrated": lambda margins: margins,
    "overconfident": lambda margins: 2 * margins,
    "another share": lambda margins: margins - 1,
    "overconfident above": lambda margins: np.where(margins > 0, 3 * margins, margins),
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_calibrated_probability_comes_near_the_true_one(bend, method):
    _, target, scores = scored(BENDS[bend])
    truth, _, fresh = scored(BENDS[bend], 20_000, seed=1)
    found = fitted(method, target, scores).many(fresh)
    most = 0.045 if (method, bend) == ("platt", "overconfident above") else 0.02
    assert np.abs(found - truth).mean() < most
    assert abs(found.mean() - truth.mean()) < 0.015


@pytest.mark.parametrize(
    ("bend", "method"),
    [("overconfident", {"platt"}), ("another share", {"platt"}), ("overconfident above", {"isotonic"})],
)
def test_the_method_is_the_one_that_suits(bend, method):
    _, target, scores = scored(BENDS[bend], 8_000)
    calibration = chosen("binary", target, scores)
    assert calibration.method in method
    fresh_truth, fresh_target, fresh = scored(BENDS[bend], 20_000, seed=1)
    before, after = (row_losses("binary", fresh_target, found).mean() for found in (fresh, calibration.many(fresh)))
    assert after < before
    assert after < row_losses("binary", fresh_target, fresh_truth).mean() + 0.003


def test_of_scores_that_are_calibrated_no_method_takes_much():
    """In 50 draws the chosen calibration costs less than 0.002 of log loss on average."""
    added = []
    for seed in range(50):
        truth, target, scores = scored(BENDS["calibrated"], 1_000, seed)
        found = chosen("binary", target, scores, seed).many(scores)
        added.append(np.mean(-truth * np.log(found) - (1 - truth) * np.log1p(-found)))
        added[-1] -= np.mean(-truth * np.log(truth) - (1 - truth) * np.log1p(-truth))
    assert np.mean(added) < 0.002


@pytest.mark.parametrize("method", METHODS)
def test_no_two_scores_become_one_so_that_the_ranking_stays(method):
    _, target, scores = scored(BENDS["overconfident above"])
    levels = np.unique(scores)
    assert (np.diff(fitted(method, target, levels if method == "none" else scores).many(levels)) > 0).all()


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_scores_that_tell_the_classes_apart_never_become_certain(method):
    scores = np.r_[np.linspace(0.0, 0.2, 50), np.linspace(0.8, 1.0, 50)].astype(np.float32)
    target = (scores > 0.5).astype(np.float64)
    found = fitted(method, target, scores).many(scores)
    assert (found > 0).all()
    assert (found < 1).all()
    assert found[0] < 0.05
    assert found[-1] > 0.95


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_scores_that_say_the_opposite_become_about_the_share_of_the_class(method):
    _, target, scores = scored(lambda margins: -margins)
    found = fitted(method, target, scores).many(scores)
    assert found.mean() == pytest.approx(target.mean(), abs=0.05)
    assert found.std() < 0.05


def test_each_class_of_several_is_calibrated_and_the_loss_falls():
    draw = np.random.default_rng(0)
    margins = draw.normal(0, 1.5, (ROWS, 3))
    truth = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    target = (draw.random((ROWS, 1)) > truth.cumsum(axis=1)).sum(axis=1).astype(np.float64)
    bold = truth**2.5
    scores = (bold / bold.sum(axis=1, keepdims=True)).astype(np.float32)
    losses = out_of_fold_losses("multiclass", target, scores)
    calibration = chosen("multiclass", target, scores)
    assert calibration.method == min(losses, key=losses.__getitem__) != "none"
    assert losses[calibration.method] < losses["none"] - 0.05
    assert np.abs(calibration.many(scores) - truth).mean() < np.abs(scores - truth).mean() / 2


def test_few_rows_of_a_class_and_a_regression_have_no_calibration():
    _, target, scores = scored(BENDS["overconfident"])
    positives = np.flatnonzero(target == 1)[: FEW_ROWS - 1]
    rows = np.r_[np.flatnonzero(target == 0), positives]
    assert chosen("binary", target[rows], scores[rows]) == NO_CALIBRATION
    assert chosen("regression", scores, scores) == NO_CALIBRATION


def test_a_large_part_is_sampled_by_seed():
    _, target, scores = scored(BENDS["overconfident"], 2 * MAX_ROWS)
    assert chosen("binary", target, scores, 3) == chosen("binary", target, scores, 3)
