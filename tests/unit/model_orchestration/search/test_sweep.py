"""The sweep: the same whatever the workers, on train and validation only, told in order."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from model_orchestration.outcome import Sweep
from model_orchestration.search.candidate import search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.space import space
from model_orchestration.search.sweep import LAG, Proposer, sweep, threads
from model_orchestration.search.trial import Trial, objective
from model_orchestration.search.trial_runs import TrialRun
from tabular.contract.training import SPACES, Training
from tabular.quality.metrics import row_losses

TRIALS = LAG + 16  # hyperopt draws the first 20 at random; the rest must be told the same story too


def fake(number: int, params: dict[str, float]) -> Trial:
    loss = (np.log(params["learning_rate"]) + 2.5) ** 2 + params["max_depth"]
    return Trial(number, params, float(loss), 1, b"", np.zeros(1), 0.0)


def run(fit, trials, seed=42, workers=2, **options) -> list[Trial]:
    with threads(workers) as engine:
        return sweep(fit, trials, seed, engine, **options)


def test_the_result_is_the_same_with_one_two_and_three_workers(trained):
    fit = Fit(search_data(trained.contract, trained.parts), objective(trained.contract), 42)
    one, two, three = (
        [(trial.number, trial.params, trial.loss, trial.model) for trial in run(fit, LAG + 2, workers=workers)]
        for workers in (1, 2, 3)
    )
    assert one == two == three


def test_proposals_do_not_depend_on_the_workers_once_tpe_has_learnt():
    one, many = ([trial.params for trial in run(fake, TRIALS + 20, workers=workers)] for workers in (1, 5))
    assert one == many


def test_another_seed_is_another_sweep():
    assert run(fake, 3, seed=1)[0].params != run(fake, 3, seed=2)[0].params


def test_tpe_learns():
    trials = run(fake, 80)
    early = np.mean([trial.loss for trial in trials[:20]])
    late = np.mean([trial.loss for trial in trials[-20:]])
    assert late < early - 1


def test_every_dimension_moves_and_whole_numbers_are_whole():
    trials = run(fake, 30)
    for name in SPACES["xgboost"]:
        assert len({trial.params[name] for trial in trials}) > 5
    assert all(isinstance(trial.params["max_depth"], int) for trial in trials)
    assert all(0 < trial.params["learning_rate"] < 1 for trial in trials)


def test_trials_are_told_in_order(trained):
    seen = []
    run(fake, 12, on_trial=lambda trial: seen.append(trial.number))
    assert seen == list(range(12))


def test_a_spent_time_budget_proposes_no_more_but_one_trial_always_runs():
    assert len(run(fake, 50, time_budget_seconds=1e-9)) == 1


def test_the_best_of_equals_is_the_first():
    trials = [TrialRun(at, f"run{at}", loss, 1, {}) for at, loss in enumerate((2.0, 1.0, 1.0))]
    assert Sweep("parent", tuple(trials)).best.number == 1


def test_the_booster_is_cut_at_its_best_round_and_scores_as_its_loss_says(trained_for_task):
    trial, contract, parts = trained_for_task.best, trained_for_task.contract, trained_for_task.parts
    assert trial.scorer._booster.num_boosted_rounds() == trial.rounds
    scores = trial.scorer.many(search_data(contract, parts).validation)
    np.testing.assert_array_equal(scores, trial.validation_scores)
    loss = row_losses(contract.table.task, parts.validation.target.to_numpy(), scores).mean()
    if contract.table.task == "regression":
        loss = np.sqrt(loss)
    assert trial.loss == pytest.approx(loss, rel=1e-5)


def test_a_trial_sees_train_and_validation_only(trained):
    data = search_data(trained.contract, trained.parts)
    assert len(data.train) == len(trained.parts.train)
    assert len(data.validation) == len(trained.parts.validation)


def test_a_fit_travels_to_other_processes(trained):
    fit = Fit(search_data(trained.contract, trained.parts), objective(trained.contract), 42)
    fit(0, Proposer(1, space(Training())).ask()[1])  # used before: it must leave its cached matrices behind
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as engine:
        there = sweep(fit, 2, 42, engine)
    assert [trial.model for trial in there] == [trial.model for trial in run(fit, 2)]
    assert len(pickle.dumps(fit)) < 1_000_000


def test_a_sweep_of_several_families_tries_each_and_draws_each_one_s_own_dimensions():
    def fake_of_each(number, params):
        loss = 1.0 if params["family"] == "linear" else 0.5 + params["max_depth"] / 10
        return Trial(number, params, loss, 1, b"", np.zeros(1), 0.0, params["family"])

    trials = run(fake_of_each, 40, search_space=space(Training(), ("xgboost", "forest", "linear")))
    for family in ("xgboost", "forest", "linear"):
        of_family = [trial.params for trial in trials if trial.family == family]
        assert len(of_family) >= 5
        assert all(params.keys() == {"family", *SPACES[family]} for params in of_family)


def test_a_range_of_the_contract_is_kept_to_and_an_equal_pair_fixes_its_dimension():
    training = Training(xgboost={"learning_rate": (0.01, 0.02), "max_depth": (4, 4)})
    trials = run(fake, 20, search_space=space(training))
    assert all(0.01 <= trial.params["learning_rate"] <= 0.02 for trial in trials)
    assert {trial.params["max_depth"] for trial in trials} == {4}


@pytest.mark.parametrize("family", ["forest", "linear"])
def test_another_family_s_best_is_the_same_with_one_and_two_workers(trained, family):
    data = search_data(trained.contract, trained.parts)
    fit = Fit(data, objective(trained.contract), 42, Training(trees=20))
    one, two = (
        [
            (trial.params, trial.loss, trial.model)
            for trial in run(fit, 3, workers=workers, search_space=space(Training(), (family,)))
        ]
        for workers in (1, 2)
    )
    assert one == two


def test_a_forest_has_as_many_trees_as_the_contract_says_and_its_loss_is_its_scores(trained):
    data = search_data(trained.contract, trained.parts)
    fit = Fit(data, objective(trained.contract), 42, Training(trees=30))
    (trial,) = run(fit, 1, search_space=space(Training(), ("forest",)))
    assert trial.rounds == len(trial.scorer._booster.get_dump()) == 30
    assert trial.scorer.family == "forest"
    assert trial.loss == pytest.approx(
        row_losses("binary", data.validation_target, trial.validation_scores).mean(), rel=1e-5
    )
