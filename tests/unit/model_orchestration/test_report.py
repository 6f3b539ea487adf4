"""What the outcome says of the best trial."""

from __future__ import annotations

import msgspec

from model_orchestration.job import Job
from model_orchestration.outcome import Evaluation, Sweep
from model_orchestration.report import Outcome, lines
from model_orchestration.search.trial_runs import TrialRun
from tabular.contract.training import Training


def outcome(contract, trial, **training):
    limited = msgspec.structs.replace(contract, training=Training(**training))
    text = msgspec.json.encode(limited).decode()
    job = Job(contract=text, data_sha256="", seed=1, trials=1, time_budget_seconds=0.0, code="")
    return lines(Outcome(job, Sweep("parent", (trial,)), Evaluation("run", {"roc_auc": 0.9}, None, ())))


def test_a_best_trial_that_stopped_at_its_limit_is_said_with_what_to_do(contract):
    trial = TrialRun(0, "run", 0.3, 40, {}, "xgboost")
    assert any("its limit of 40 rounds" in text for _, text in outcome(contract, trial, max_rounds=40))
    assert not any("its limit" in text for _, text in outcome(contract, trial, max_rounds=41))


def test_a_forest_and_a_linear_model_have_no_limit_to_stop_at_and_say_their_family(contract):
    for family, rounds, said in (("forest", 200, "forest, 200 rounds"), ("linear", 0, "linear, validation")):
        found = outcome(contract, TrialRun(0, "run", 0.3, rounds, {}, family), max_rounds=1)
        assert not any("its limit" in text for _, text in found)
        assert any(said in text for _, text in found)
