"""The sweep on a Dask cluster of real processes: the same trials as in threads here, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from embedded.services.service import free_port
from model_orchestration.code_digest import sweep_digest
from model_orchestration.data.split import split
from model_orchestration.search.candidate import search_data
from model_orchestration.search.engines import Engine
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.sweep import LAG, sweep, threads
from model_orchestration.search.trial import Trial, objective
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.errors import Rejected, Unavailable

TRIALS = LAG + 16  # hyperopt draws the first 20 at random; the rest must be told the same story too
ROWS = 2_000
SEED = 42


@pytest.fixture(scope="module")
def fit(contract) -> Fit:
    parts = split(clean(contract, read_table(make_table(contract, ROWS, seed=3)).cells), SEED)
    return Fit(search_data(contract, parts), objective(contract), SEED)


@pytest.fixture(scope="module")
def local(fit) -> list[Trial]:
    with threads(2) as executor:
        return sweep(fit, TRIALS, SEED, executor)


def told(trials: list[Trial]) -> list[tuple]:
    return [(trial.number, trial.params, trial.loss, trial.model) for trial in trials]


def test_a_worker_killed_in_the_middle_changes_nothing(cluster, fit, local):
    victim, _ = cluster.add_worker(), cluster.add_worker()
    killed_at = []

    def kill(trial: Trial) -> None:
        if trial.number == 5:
            os.kill(victim.pid, signal.SIGKILL)
            killed_at.append(victim.wait())
            cluster.add_worker()  # one that comes back: it must have the data as well

    with Engine(2, "dask", cluster.address).started(fit) as (executor, run):
        there = sweep(run, TRIALS, SEED, executor, on_trial=kill)
    assert killed_at == [-signal.SIGKILL]
    assert told(there) == told(local)
    assert min(there, key=lambda trial: trial.loss).params == min(local, key=lambda trial: trial.loss).params


def test_a_sweep_waits_for_a_worker_when_the_last_one_has_died(cluster, fit, local):
    only = cluster.add_worker()

    def kill(trial: Trial) -> None:
        if trial.number == 1:
            only.kill()
            only.wait()
            threading.Timer(2.0, cluster.add_worker).start()

    with Engine(1, "dask", cluster.address).started(fit) as (executor, run):
        there = sweep(run, 4, SEED, executor, on_trial=kill)
    assert told(there) == told(local)[:4]


def test_a_cluster_is_started_here_if_none_is_named_and_ends_with_the_sweep(fit, local):
    with Engine(2, "dask").started(fit) as (executor, run):
        there = sweep(run, 4, SEED, executor)
    assert told(there) == told(local)[:4]
    deadline = time.monotonic() + 20
    while (left := children()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def children() -> list[str]:
    """The command lines of this process' children and grandchildren that are Dask's."""
    import psutil

    own = psutil.Process().children(recursive=True)
    lines = [" ".join(child.cmdline()) for child in own if child.status() != psutil.STATUS_ZOMBIE]
    return [line for line in lines if "dask" in line]


def test_a_worker_with_other_code_is_rejected_by_name(cluster, fit, monkeypatch):
    cluster.add_worker()
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_trials.sweep_digest", lambda: "another code")
    with (
        pytest.raises(Rejected, match="runs other code or another XGBoost"),
        Engine(1, "dask", cluster.address).started(fit) as (executor, run),
    ):
        sweep(run, 2, SEED, executor)
    assert sweep_digest() != "another code"


def test_a_scheduler_that_is_not_there_and_a_cluster_without_workers_are_unavailable(cluster, fit, monkeypatch):
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_trials.CONNECT_SECONDS", 2.0)
    with pytest.raises(Unavailable, match="has no worker"), Engine(1, "dask", cluster.address).started(fit):
        pass
    with (
        pytest.raises(Unavailable, match="nothing responds at"),
        Engine(1, "dask", f"tcp://127.0.0.1:{free_port()}").started(fit),
    ):
        pass


def test_a_scheduler_that_is_lost_ends_the_sweep_with_the_reason(cluster, fit):
    cluster.add_worker()

    def kill(trial: Trial) -> None:
        if trial.number == 0:
            cluster.processes[0].kill()

    with (
        pytest.raises(Unavailable, match="the Dask cluster is not available"),
        Engine(1, "dask", cluster.address).started(fit) as (executor, run),
    ):
        sweep(run, 4, SEED, executor, on_trial=kill)
