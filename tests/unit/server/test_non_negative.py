"""With `non_negative` no score is below 0, and it is the same bits in training and at every source."""

from __future__ import annotations

import numpy as np
import pytest

from model_orchestration.data.split import split
from model_orchestration.evaluation.baselines import LINEAR, baselines
from model_orchestration.search.candidate import bundler, search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import objective
from server.scoring.explanations import explanations
from server.scoring.model import ready_model
from tabular.contract.training import Training
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.errors import InvalidTable
from tests.optional import skip_without_lightgbm
from tests.unit.server.sources import SOURCES

FAMILIES = ("xgboost", "linear", "lightgbm")  # a forest averages targets, and so never comes below 0

EAGER = ("learning_rate", "max_depth", "num_leaves", "subsample", "bagging_fraction")
"""Hyperparameters whose highest values fit the rows most closely; of the others the lowest do."""


def of_a_table_that_begins_at_0(file):
    file["target"] |= {"non_negative": True, "synthetic": {"quantiles": [0, 0, 0, 1, 20]}}
    for feature in file["features"]:
        feature["synthetic"] = {"effect": 2}


@pytest.fixture(scope="module")
def contract(tiny_contract):
    return tiny_contract("regression", of_a_table_that_begins_at_0)


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request, contract, tmp_path_factory):
    """A served model, its test part, and the scores as training computes them."""
    if request.param == "lightgbm":
        skip_without_lightgbm()
    parts = split(clean(contract, read_table(make_table(contract, 1_500, seed=1)).cells), 42)
    proposal = {"family": request.param} | {
        name: high if name in EAGER else low for name, (low, high) in Training().ranges(request.param).items()
    }
    trial = Fit(search_data(contract, parts), objective(contract), 42, Training(trees=20))(0, proposal)
    bundle = bundler(contract, parts, 42).write(trial, tmp_path_factory.mktemp("bundle"), {})
    rows = encode(contract, parts.test.features)
    return ready_model("r" * 32, bundle), parts, rows, trial


@pytest.mark.parametrize("score", SOURCES)
def test_every_source_scores_as_training_does_and_never_below_0(trained, score):
    model, parts, rows, trial = trained
    scores = trial.scorer.many(rows)
    assert score(model, public_records(model.bundle.contract, parts.test.features)) == scores.tolist()
    assert scores.min() == 0
    assert not np.signbit(scores).any()


def test_without_the_limit_some_scores_would_be_below_0_and_the_others_are_the_same(trained):
    _, _, rows, trial = trained
    free = trial.scorer.unlimited.many(rows)
    assert (free < 0).sum() > 5
    np.testing.assert_array_equal(trial.scorer.many(rows)[free > 0], free[free > 0])


def test_a_trial_s_loss_and_scores_are_those_of_what_is_served(trained):
    _, parts, _, trial = trained
    errors = trial.validation_scores.astype(float) - parts.validation.target.to_numpy()
    assert trial.loss == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-6)
    assert trial.validation_scores.min() == 0


def test_contributions_sum_to_the_margin_which_may_be_below_0(trained):
    model, _, rows, trial = trained
    margins = np.array([why["base"] + sum(why["contributions"].values()) for why in explanations(model, rows)])
    np.testing.assert_allclose(margins, trial.scorer.unlimited.many(rows), rtol=1e-4, atol=1e-4)
    assert margins.min() < 0


def test_the_baseline_has_the_same_limit(contract, trained):
    parts = trained[1]
    assert baselines(contract, parts.train, parts.test)[LINEAR].min() == 0


def test_a_target_below_0_is_an_error_with_its_row(contract):
    body = make_table(contract, 20, seed=1).decode().splitlines()
    at = body[0].split(",").index("Y")
    cells = body[3].split(",")
    cells[at] = "-0.5"
    body[3] = ",".join(cells)
    with pytest.raises(InvalidTable, match=r"row 3, Y: holds '-0\.5' \(allowed: a finite number of 0 or more"):
        clean(contract, read_table("\n".join(body).encode()).cells)
