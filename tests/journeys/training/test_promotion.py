"""A model of synthetic data beside a champion of a real table: over a real registry and a real feature store."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from model_orchestration.data.checks import CheckReport
from model_orchestration.data.split import split
from model_orchestration.evaluation.champion_comparison import compare_with_champion
from model_orchestration.evaluation.gate import GateReport
from model_orchestration.evaluation.promotion import held_back, is_synthetic
from model_orchestration.job import Job, make_tools
from model_orchestration.outcome import GateResult, Sweep
from model_orchestration.search.trial_runs import TrialRun
from model_orchestration.steps import accepted_version, register_step
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.data.table import clean, read_csv
from tabular.ports.registry import BUNDLE, CHALLENGER, CHAMPION
from tabular.settings import with_values
from tabular.wiring import Wiring

ROWS = 400


@pytest.fixture(scope="module")
def table(contract):
    return make_table(contract, ROWS, seed=3)


@pytest.fixture
def tools(ministack, mlflow_server, settings, contract, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    tools = make_tools(Wiring(with_values(settings, model_name=name, s3_bucket=name), contract))
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
    parts = split(clean(contract, read_csv(table)), 1)
    job, scores = job_of(contract, data_sha256=version.sha256), np.full(len(parts.test), 0.5)
    champion = make_champion(tools, bundle, synthetic=True)
    found = compare_with_champion(tools, job, champion, parts, scores)
    assert not found.differences
    assert found.notes == (f"not compared with the champion {champion}: it was trained on synthetic data",)
    assert compare_with_champion(tools, job, make_champion(tools, bundle, synthetic=False), parts, scores).differences


def test_a_real_table_is_not_compared_with_synthetic_data_that_was_accepted_before(tools, contract, table):
    synthetic = feature_store.publish(tools.objects, contract, table, "synthetic", synthetic=True)
    feature_store.mark_accepted(tools.objects, contract, synthetic.sha256)
    real = feature_store.publish(tools.objects, contract, make_table(contract, ROWS, seed=4), "real.csv")
    assert accepted_version(tools, job_of(contract, data_sha256=real.sha256)) is None
    assert accepted_version(tools, job_of(contract, data_sha256="other", synthetic=True)) == synthetic.sha256


def test_a_passed_model_of_synthetic_data_becomes_a_challenger_beside_a_real_champion(tools, contract, bundle, table):
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
    assert done.alias == CHALLENGER
    assert "never replaces" in done.held_back
    assert tools.registry.champion() == champion
    assert tools.registry.alias(CHALLENGER) == best
    assert tools.registry.version_tags(best)["synthetic"] == "True"
