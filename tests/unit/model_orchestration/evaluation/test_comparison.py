"""The gate's sentences about two models, over many generated pairs: the words agree with the numbers beside them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from model_orchestration.evaluation.comparison import (
    compare,
    described,
    figures,
    significantly_better,
    significantly_worse,
)

DRAW = np.random.default_rng(0)
TARGET = (DRAW.random(800) < 0.3).astype(float)
GOOD = np.clip(TARGET * 0.3 + 0.25 + DRAW.normal(0, 0.15, 800), 0.01, 0.99)
POOR = np.clip(TARGET * 0.05 + 0.3 + DRAW.normal(0, 0.15, 800), 0.01, 0.99)

SENTENCE = re.compile(
    r"(?P<metric>\w+) (?P<ours>\S+) against the champion's (?P<theirs>\S+): (?P<word>better|worse|equal)"
    r"(?P<chance>, not significantly)? \(gain (?P<gain>\S+), 95 % interval (?P<low>\S+) to (?P<high>\S+)\)"
)


def cases():
    """Pairs of models of each task, from equal to far apart, on few and many rows, at several scales."""
    draw = np.random.default_rng(0)
    for task in ("binary", "multiclass", "regression"):
        for rows in (20, 400):
            for apart in (0.0, 1e-9, 1e-4, 0.05, 0.4):
                for scale in (1e-9, 1.0, 1e9) if task == "regression" else (1.0,):
                    yield task, *pair(draw, task, rows, apart, scale)


def pair(draw, task, rows, apart, scale):
    if task == "multiclass":
        target = draw.integers(0, 3, rows)
        true = np.eye(3)[target]
        sides = [draw.dirichlet([1, 1, 1], rows) for _ in range(2)]
        one, two = (side * 0.6 + true * 0.4 for side in sides)
        return target.astype(float), one, one * (1 - apart) + two * apart
    target = (draw.random(rows) < 0.3).astype(float) if task == "binary" else draw.normal(0, scale, rows)
    if task == "binary":
        target[:2] = 0.0, 1.0
        one, two = (np.clip(target * 0.4 + draw.random(rows) * 0.6, 0, 1) for _ in range(2))
    else:
        one, two = (target + draw.normal(0, scale, rows) for _ in range(2))
    return target, one, one * (1 - apart) + two * apart


def both_ways():
    for task, target, one, two in cases():
        yield task, target, one, two
        yield task, target, two, one


def test_words_and_numbers_agree():
    words = set()
    for task, target, ours, theirs in both_ways():
        differences = compare(task, target, ours, theirs)
        for difference, sentence in zip(differences, described(differences, "the champion").split("; "), strict=True):
            said = SENTENCE.fullmatch(sentence)
            assert said, sentence
            ours_told, theirs_told, gain, low, high = (
                float(said[name]) for name in ("ours", "theirs", "gain", "low", "high")
            )
            ahead = theirs_told - ours_told if difference.metric == "loss" else ours_told - theirs_told
            assert np.sign(ahead) == np.sign(gain), sentence
            assert said["word"] == {1: "better", -1: "worse", 0: "equal"}[int(np.sign(gain))], sentence
            assert low <= high
            is_certain = low > 0 or high < 0
            assert bool(said["chance"]) == (said["word"] != "equal" and not is_certain), sentence
            assert bool(significantly_worse([difference])) == (said["word"] == "worse" and not said["chance"])
            assert bool(significantly_better([difference])) == (said["word"] == "better" and not said["chance"])
            words.add((said["word"], bool(said["chance"])))
    assert len(words) == 5, "every kind of sentence came up"


def test_a_model_with_the_lower_loss_is_not_called_worse_for_an_equal_ranking():
    """A loss of 0.0557 against 0.1322 at the same ROC-AUC, which was once rejected as 'does as well'."""
    target = (np.arange(400) % 5 == 0).astype(float)
    sharp = np.where(target == 1, 0.95, 0.05)
    loss, ranking = compare("binary", target, sharp, np.where(target == 1, 0.88, 0.12))
    assert significantly_worse([loss, ranking]) == []
    assert significantly_better([loss, ranking]) == [loss]
    assert described([loss, ranking], "the champion").count("better") == 1


def test_figures_that_differ_never_read_the_same():
    assert figures(0.12345, 0.12346) == ["0.12345", "0.12346"]
    assert figures(1.0, 1.0) == ["1", "1"]
    assert figures(1e-12, 1.0000001e-12) == ["1e-12", "1.0000001e-12"]


def test_the_bootstrap_tells_a_better_model_from_a_worse():
    for difference in compare("binary", TARGET, GOOD, POOR):
        assert difference.low > 0
        assert difference.low <= difference.gain <= difference.high
    assert all(difference.high < 0 for difference in compare("binary", TARGET, POOR, GOOD))


def test_a_model_against_itself_gains_nothing():
    assert all((one.gain, one.low, one.high) == (0, 0, 0) for one in compare("binary", TARGET, GOOD, GOOD))


def test_the_bootstrapped_auc_is_the_auc_of_scikit_learn_with_ties():
    coarse = np.round(GOOD, 1)
    found = {one.metric: one for one in compare("binary", TARGET, coarse, POOR)}["roc_auc"]
    assert found.ours == pytest.approx(roc_auc_score(TARGET, coarse))
    assert found.theirs == pytest.approx(roc_auc_score(TARGET, POOR))


def test_every_task_can_be_compared(trained_for_task):
    scores = trained_for_task.test_scores
    target = trained_for_task.parts.test.target.to_numpy()
    shuffled = np.random.default_rng(0).permutation(scores)
    differences = compare(trained_for_task.contract.table.task, target, scores, shuffled)
    assert all(difference.low > 0 for difference in differences)
