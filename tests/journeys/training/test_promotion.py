"""A model of synthetic data beside a champion of a real table: over a real registry and a real feature store."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from model_orchestration.data.checks import CheckReport
from model_orchestration.data.split import split
from model_orchestration.evaluation.champion_comparison import compare_with_champion
from model_orchestration.evaluation.evidence import Rejection
from model_orchestration.evaluation.gate import GateReport
from model_orchestration.evaluation.promotion import held_back, is_synthetic
from model_orchestration.job import Job, make_tools
from model_orchestration.outcome import GateResult, Sweep
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from model_orchestration.search.trial_runs import TrialRun
from model_orchestration.steps import accepted_version, check_step, register_step
from tabular.data import feature_store
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.errors import NotFound
from tabular.ports.registry import BUNDLE, CHALLENGER, CHAMPION
from tabular.promotion.champion import promote, roll_back
from tabular.promotion.parts import Parts
from tabular.settings import with_values
from tabular.wiring import Wiring

ROWS = 400
TRAINING = {"trained", "registered"}


@pytest.fixture(scope="module")
def table(contract):
    return make_table(contract, ROWS, seed=3)


@pytest.fixture
def tools(ministack, mlflow_server, store, settings, contract, database, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    tools = make_tools(
        Wiring(with_values(settings, model_name=name, s3_bucket=name, mongo_database=database), contract)
    )
    tools.objects.ensure_bucket()
    return tools


def make_champion(tools, bundle, **tags):
    run_id = tools.registry.start_run("a trial", tags)
    tools.registry.put_folder(run_id, bundle.folder, BUNDLE)
    tools.registry.finish(run_id)
    tools.registry.register(run_id, CHAMPION, {})
    return run_id


def job_of(contract, **given):
    job = {"data_sha256": "", "seed": 1, "trials": 1, "time_budget_seconds": 0.0, "code": ""}
    return Job(contract=msgspec.json.encode(contract).decode(), **(job | given))


def test_a_model_of_synthetic_data_is_held_back_by_a_real_champion_alone(tools, contract, bundle):
    synthetic, real = job_of(contract, synthetic=True), job_of(contract)
    assert held_back(tools, synthetic) is None, "there is no champion yet"
    make_champion(tools, bundle, synthetic=True)
    assert held_back(tools, synthetic) is None
    champion = make_champion(tools, bundle, synthetic=False)
    assert f"the champion {champion} on a real table, which synthetic data never replaces" in held_back(
        tools, synthetic
    )
    assert held_back(tools, real) is None


def test_a_champion_from_before_the_tag_is_known_by_its_version_of_the_table(tools, contract, bundle, table):
    version = feature_store.publish(tools.objects, contract, table, "synthetic", synthetic=True)
    assert is_synthetic(tools, job_of(contract), make_champion(tools, bundle, data_sha256=version.sha256))
    assert not is_synthetic(tools, job_of(contract), make_champion(tools, bundle, data_sha256="gone"))
    assert not is_synthetic(tools, job_of(contract), "0" * 32)


def test_a_model_of_a_real_table_is_not_compared_with_a_champion_of_synthetic_data(tools, contract, bundle, table):
    version = feature_store.publish(tools.objects, contract, table, "real.csv")
    parts = split(clean(contract, read_table(table).cells), 1)
    job, scores = (
        job_of(contract, data_sha256=version.sha256),
        HeldOut(parts.test, {MODEL: np.full(len(parts.test), 0.5)}, None),
    )
    champion = make_champion(tools, bundle, synthetic=True)
    found = compare_with_champion(tools, job, champion, parts, scores, {})
    assert not found.differences
    assert found.notes == (f"not compared with the champion {champion}: it was trained on synthetic data",)
    assert compare_with_champion(
        tools, job, make_champion(tools, bundle, synthetic=False), parts, scores, {}
    ).differences


def test_a_real_table_is_not_compared_with_synthetic_data_that_was_accepted_before(tools, contract, table):
    synthetic = feature_store.publish(tools.objects, contract, table, "synthetic", synthetic=True)
    feature_store.mark_accepted(tools.objects, contract, synthetic.sha256)
    real = feature_store.publish(tools.objects, contract, make_table(contract, ROWS, seed=4), "real.csv")
    assert accepted_version(tools, job_of(contract, data_sha256=real.sha256)) is None
    assert accepted_version(tools, job_of(contract, data_sha256="other", synthetic=True)) == synthetic.sha256


def test_a_passed_model_of_synthetic_data_is_only_registered_beside_a_real_champion(tools, contract, bundle, table):
    """By its sha256 an old version of synthetic data can be trained on in a store that holds a real table."""
    synthetic = feature_store.publish(tools.objects, contract, table, "synthetic", synthetic=True)
    feature_store.publish(tools.objects, contract, make_table(contract, ROWS, seed=4), "real.csv")
    champion = make_champion(tools, bundle, synthetic=False)
    parent, best = (tools.registry.start_run(name, {}) for name in ("a sweep", "a trial"))
    tools.registry.put_folder(best, bundle.folder, BUNDLE)
    swept = Sweep(parent, (TrialRun(0, best, 0.3, 10, {}),))
    job = job_of(contract, data_sha256=synthetic.sha256, synthetic=True)
    result = GateResult(GateReport(passed=True, rejections=()), ())
    done = register_step(tools, job, swept, result, CheckReport(rows=ROWS))
    assert done.alias is None
    assert "never replaces" in done.held_back
    assert tools.registry.champion() == champion
    assert no_challenger(tools)
    assert [(one.kind, one.run_id) for one in tools.ledger.entries()] == [("registered", best), ("trained", best)]
    assert "never replaces" in tools.ledger.entries()[0].why
    assert tools.registry.version_tags(best)["synthetic"] == "True"


def no_challenger(tools):
    with pytest.raises(NotFound):
        tools.registry.alias(CHALLENGER)
    return True


def passed(tools, contract, bundle, table, **given):
    """Register a model that passed the gate, on a version of a table of its own."""
    version = feature_store.publish(tools.objects, contract, table, "real.csv")
    swept, job = swept_on(tools, bundle), job_of(contract, data_sha256=version.sha256)
    result = GateResult(GateReport(passed=True, rejections=()), ())
    tools = replace(tools, **given)
    return swept.best.run_id, register_step(tools, job, swept, result, CheckReport(rows=ROWS))


def told(tools):
    return [(one.kind, one.run_id, one.who) for one in reversed(tools.ledger.entries()) if one.kind not in TRAINING]


def test_the_first_champion_is_the_gate_s_and_a_later_model_waits_for_evidence(tools, contract, bundle, table):
    first, done = passed(tools, contract, bundle, table)
    assert (done.alias, done.waits_for) == (CHAMPION, None)
    second, done = passed(tools, contract, bundle, table)
    assert done.alias == CHALLENGER
    assert f"make promote RUN_ID={second}" in done.waits_for
    third, _ = passed(tools, contract, bundle, table)
    assert (tools.registry.champion(), tools.registry.alias(CHALLENGER)) == (first, third)
    assert told(tools) == [
        ("promoted", first, "gate"),
        ("challenged", second, "gate"),
        ("dropped", second, "gate"),
        ("challenged", third, "gate"),
    ]


def test_by_the_gate_each_passed_model_is_champion_but_none_that_was_rolled_back(tools, contract, bundle, table):
    first, _ = passed(tools, contract, bundle, table, promotion="gate")
    second, done = passed(tools, contract, bundle, table, promotion="gate")
    assert (done.alias, tools.registry.champion()) == (CHAMPION, second)
    parts = Parts(tools.registry, tools.ledger, contract)
    roll_back(parts, "engineer ann", "It was worse.")
    version = feature_store.latest(tools.objects, contract)
    swept = Sweep(second, (TrialRun(0, second, 0.3, 10, {}),))
    result = GateResult(GateReport(passed=True, rejections=()), ())
    tools = replace(tools, promotion="gate")
    again = register_step(tools, job_of(contract, data_sha256=version.sha256), swept, result, CheckReport(rows=ROWS))
    assert again.alias is None
    assert "was rolled back on" in again.held_back
    assert "by engineer ann: It was worse" in again.held_back
    assert tools.registry.champion() == first
    promote(parts, second, "engineer ann", "It was not the model after all.")
    roll_back(parts, "engineer ann", "It was.")


def test_by_hand_the_gate_promotes_nothing(tools, contract, bundle, table):
    first, done = passed(tools, contract, bundle, table, promotion="manual")
    assert done.alias is None
    assert "with PROMOTION=manual an engineer decides" in done.held_back
    assert f"make promote RUN_ID={first}" in done.held_back
    promote(Parts(tools.registry, tools.ledger, contract), first, "engineer ann", "The first one.")
    passed(tools, contract, bundle, table, promotion="manual")
    assert tools.registry.champion() == first
    assert no_challenger(tools)
    assert told(tools) == [("promoted", first, "engineer ann")]


def test_a_model_of_a_real_table_replaces_one_of_synthetic_data_without_waiting(tools, contract, bundle, table):
    make_champion(tools, bundle, synthetic=True)
    run_id, done = passed(tools, contract, bundle, table)
    assert (done.alias, tools.registry.champion()) == (CHAMPION, run_id)
    assert "the champion was trained on synthetic data" in tools.ledger.entries(kinds=("promoted",))[0].why


def test_a_rejected_model_is_registered_without_an_alias_and_entered_once_with_the_reasons(
    tools, contract, bundle, table
):
    version = feature_store.publish(tools.objects, contract, table, "real.csv")
    swept, job = swept_on(tools, bundle), job_of(contract, data_sha256=version.sha256)
    result = GateResult(GateReport(passed=False, rejections=(Rejection("not_constant", "it is one", "train on"),)), ())
    for _ in range(2):  # the unchanged table is trained again
        done = register_step(tools, job, swept, result, CheckReport(rows=ROWS))
        assert (done.alias, done.held_back) == (None, None)
    with pytest.raises(NotFound):
        tools.registry.champion()
    entries = tools.ledger.entries()
    assert [(one.kind, one.who) for one in entries] == [("rejected", "gate"), ("trained", "training")]
    assert entries[0].why == "not_constant: it is one"
    assert entries[0].evidence["data_version"] == version.sha256
    assert tools.registry.version_tags(swept.best.run_id)["gate"] == "rejected"


def test_a_model_of_another_contract_waits_for_a_hand(tools, contract, make_bundle, table):
    shorter = msgspec.structs.replace(contract, features=contract.features[1:])
    champion = make_champion(tools, make_bundle(shorter), synthetic=False)
    run_id, done = passed(tools, contract, make_bundle(contract), table)
    assert done.alias is None
    assert f"it does not know {contract.features[0].name}" in done.held_back
    assert f"make promote RUN_ID={run_id}" in done.held_back
    assert tools.registry.champion() == champion


def swept_on(tools, bundle, best="a trial"):
    parent, best = (tools.registry.start_run(name, {}) for name in ("a sweep", best))
    tools.registry.put_folder(best, bundle.folder, BUNDLE)
    return Sweep(parent, (TrialRun(0, best, 0.3, 10, {}),))


def test_what_holds_a_passed_model_waits_until_it_is_accepted_with_a_reason(tools, contract, bundle, table):
    """The file was cut: the champion and the accepted version stay until somebody says that it is meant."""
    accepted = feature_store.publish(tools.objects, contract, table, "real.csv")
    feature_store.mark_accepted(tools.objects, contract, accepted.sha256)
    champion = make_champion(tools, bundle, synthetic=False)
    cut = feature_store.publish(tools.objects, contract, make_table(contract, ROWS // 3, seed=4), "cut.csv")
    job, swept = job_of(contract, data_sha256=cut.sha256), swept_on(tools, bundle)
    report = check_step(tools, job, accepted_version(tools, job))
    assert report.holds == (f"the table has {ROWS // 3} rows, the last accepted one had {ROWS}: was the file cut?",)
    result = GateResult(GateReport(passed=True, rejections=()), ())

    held = register_step(tools, job, swept, result, report)
    assert held.alias is None
    assert no_challenger(tools)
    assert "was the file cut?" in held.held_back
    assert 'ACCEPT="the reason"' in held.held_back
    assert tools.registry.champion() == champion
    assert feature_store.last_accepted(tools.objects, contract).sha256 == accepted.sha256
    assert "was the file cut?" in tools.registry.run(swept.parent_id).tags["held_back"]

    done = register_step(tools, job, swept, result, report, accept="the branch in the north was sold")
    assert (done.alias, done.held_back) == (CHALLENGER, None)
    assert done.accepted.startswith("the branch in the north was sold. It was held back because the table has")
    assert f"better than the champion {champion}" in done.waits_for
    assert tools.registry.alias(CHALLENGER) == swept.best.run_id
    assert tools.registry.champion() == champion
    assert feature_store.last_accepted(tools.objects, contract).sha256 == cut.sha256
    for tags in (tools.registry.run(swept.parent_id).tags, tools.registry.version_tags(swept.best.run_id)):
        assert tags["accepted_because"] == "the branch in the north was sold"


def test_a_reason_is_recorded_only_where_there_was_something_to_accept(tools, contract, bundle, table):
    version = feature_store.publish(tools.objects, contract, table, "real.csv")
    swept = swept_on(tools, bundle)
    result = GateResult(GateReport(passed=True, rejections=()), ())
    job = job_of(contract, data_sha256=version.sha256)
    done = register_step(tools, job, swept, result, CheckReport(rows=ROWS), accept="just in case")
    assert (done.alias, done.accepted) == (CHAMPION, None)
    assert tools.registry.run(swept.parent_id).tags["accepted_because"] == ""


def test_another_positive_class_than_the_champion_s_is_told_for_the_gate_to_hold(tools, contract, bundle, table):
    version = feature_store.publish(tools.objects, contract, table, "real.csv")
    champion = make_champion(tools, bundle, synthetic=False)
    other = msgspec.structs.replace(
        contract, target=msgspec.structs.replace(contract.target, positive=contract.target.classes[0])
    )
    parts = split(clean(other, read_table(table).cells), 1)
    job, scores = job_of(other, data_sha256=version.sha256), np.full(len(parts.test), 0.5)
    found = compare_with_champion(tools, job, champion, parts, HeldOut(parts.test, {MODEL: scores}, None), {})
    column, was, is_now = contract.target.column, contract.target.positive, contract.target.classes[0]
    assert found.other_target == (
        f"the champion {champion} predicts the probability that {column} is {was!r}, and this model the probability "
        f"that {column} is {is_now!r}"
    )
