"""How the settings become an engine and a job's part of the key."""

from __future__ import annotations

import msgspec
import pytest

from model_orchestration.job import Job, as_then, families_of, make_engine, tags_in
from tabular.contract.training import Training
from tabular.errors import InvalidSetting
from tabular.settings import Settings, with_values

JOB = Job(contract="{}", data_sha256="", seed=1, trials=1, time_budget_seconds=0.0, code="")


def engine(**given):
    return make_engine(with_values(Settings(), **given))


def test_trials_that_have_all_rows_to_themselves_share_none_on_any_engine():
    assert engine(sweep_workers=3).row_shares == 0
    assert engine(sweep_workers=3, sweep_engine="dask").row_shares == 0


def test_shared_rows_lie_on_as_many_workers_as_are_set_or_one_a_core():
    assert engine(sweep_workers=3, sweep_engine="dask", sweep_parallelism="rows").row_shares == 3
    assert engine(sweep_engine="dask", sweep_parallelism="rows").row_shares >= 1


def test_rows_cannot_be_over_rows_of_threads_or_over_workers_of_which_nobody_said_how_many():
    with pytest.raises(InvalidSetting, match="SWEEP_PARALLELISM='rows' needs SWEEP_ENGINE=dask"):
        engine(sweep_parallelism="rows")
    with pytest.raises(InvalidSetting, match="SWEEP_WORKERS is not set"):
        engine(sweep_engine="dask", sweep_parallelism="rows", dask_scheduler="tcp://10.0.0.5:8786")


def test_an_old_job_is_repeated_on_rows_divided_as_they_were():
    now = with_values(Settings(), sweep_workers=8)
    then = as_then(now, Job(**{name: getattr(JOB, name) for name in JOB.__struct_fields__} | {"row_shares": 3}))
    assert make_engine(then).row_shares == 3
    assert then.sweep_engine == "dask"
    assert make_engine(as_then(with_values(then, sweep_workers=2), JOB)).row_shares == 0


def test_the_families_are_the_setting_s_else_the_contract_s_else_xgboost(contract):
    with_linear = msgspec.structs.replace(contract, training=Training(families=("linear", "forest")))
    assert families_of(Settings(), contract) == ("xgboost",)
    assert families_of(Settings(), with_linear) == ("linear", "forest")
    assert families_of(Settings(families=" linear, xgboost"), with_linear) == ("xgboost", "linear")


def test_families_that_there_are_not_or_cannot_share_rows_are_rejected_by_name(contract):
    with pytest.raises(InvalidSetting, match="there is no 'oracle', but xgboost, forest, linear"):
        families_of(Settings(families="xgboost,oracle"), contract)
    with pytest.raises(InvalidSetting, match="names a family twice"):
        families_of(Settings(families="linear,linear"), contract)
    rows = Settings(families="linear", sweep_engine="dask", sweep_parallelism="rows")
    with pytest.raises(InvalidSetting, match=r"divides the rows of xgboost and forest only, and .+ linear"):
        families_of(rows, contract)


def test_the_tags_of_runs_are_pairs():
    assert tags_in("") == {}
    assert tags_in(" developer=ann , team=risk=low,") == {"developer": "ann", "team": "risk=low"}


@pytest.mark.parametrize("text", ["ann", "=ann", "a b=1", "developer=ann;team=risk,x"])
def test_what_is_no_tag_is_an_error_that_shows_the_form(text):
    with pytest.raises(InvalidSetting, match=r"RUN_TAGS=.* is no tag. Write name=value"):
        tags_in(text)
