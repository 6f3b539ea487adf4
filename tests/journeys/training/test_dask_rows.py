"""Trials on rows that real Dask workers read from the feature store: the same each time, and no worker holds all."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from distributed import Client

from embedded.services.service import free_port
from model_orchestration.data.split import Split, split
from model_orchestration.search.candidate import search_data
from model_orchestration.search.engines import Engine
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.on_dask.row_shares import StoredRows, stored_rows
from model_orchestration.search.sweep import sweep, threads
from model_orchestration.search.trial import Trial, objective
from tabular.data import feature_store
from tabular.data.clean_copy.parts import put_copy
from tabular.data.prepared import prepare
from tabular.data.synthetic import make_table
from tabular.errors import Rejected, Unavailable
from tabular.ports.objects import Objects
from tabular.settings import Settings
from tabular.wiring import Wiring

TRIALS = 6
ROWS = 20_000
SEED = 42
TOLERANCE = 0.01  # of a trial's loss: a local trial draws other rows (`subsample`), and bins them by other sketches


def bucket_at(port: int) -> Objects:
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{port}", s3_bucket="rows-of-a-sweep")
    return Wiring(settings).objects()


@pytest.fixture(scope="module")
def stored_version(ministack, contract) -> tuple[Split, StoredRows]:
    """The parts of a table of four files, and where they lie."""
    objects, prepared = bucket_at(ministack.port), prepare(contract, make_table(contract, ROWS, seed=3))
    objects.ensure_bucket()
    version = feature_store.publish(objects, contract, prepared, "rows.csv")
    prefix = feature_store.version_prefix(contract, version.sha256)
    put_copy(objects, prefix, contract, version.written_as, prepared, part_rows=ROWS // 4)
    parts = split(prepared.required, SEED)
    return parts, stored_rows(objects, contract, version.sha256, contract, parts)


@pytest.fixture(scope="module")
def fit(contract, stored_version) -> Fit:
    return Fit(search_data(contract, stored_version[0]), objective(contract), SEED)


@pytest.fixture(scope="module")
def over_rows_of(fit, stored_version) -> Callable[[int, str], Any]:
    """The engine that divides the stored rows over so many workers of a scheduler, started."""
    _, where = stored_version
    return lambda workers, scheduler, stored=where: Engine(workers, "dask", scheduler, "rows").started(fit, stored)


@pytest.fixture(autouse=True)
def short_meetings(monkeypatch) -> None:
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_rows.MEETING_SECONDS", 3)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, dask_running) -> Iterator[Any]:
    """One scheduler for several tests; each makes sure of the workers it needs."""
    with dask_running(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(shared, over_rows_of) -> tuple[list[Trial], list[list[int]]]:
    """A sweep on two workers, and how many rows each of them held at the last trial."""
    shared.have(2)
    held = []

    def look(trial: Trial) -> None:
        if trial.number == TRIALS - 1:
            with Client(shared.address, set_as_default=False) as client:
                held.extend(client.run(rows_held).values())

    with over_rows_of(2, shared.address) as (executor, run):
        return sweep(run, TRIALS, SEED, executor, on_trial=look), held


def told(trials: list[Trial]) -> list[tuple]:
    return [(trial.number, trial.params, trial.loss, trial.rounds, trial.model) for trial in trials]


def rows_held(dask_worker) -> list[int]:
    """How many rows each table has that a worker holds; called on the worker."""
    held = (dask_worker.data[key] for key in list(dask_worker.data))
    return sorted(len(each) for each in held if getattr(each, "ndim", 0) == 2)


def test_no_worker_holds_more_than_its_share_of_the_rows(undisturbed, fit):
    _, held = undisturbed
    assert held == [[len(fit.data.validation) // 2, len(fit.data.train) // 2]] * 2


def test_the_result_is_the_local_one_s_but_for_noise(undisturbed, fit):
    there, _ = undisturbed
    with threads(2) as executor:
        local = sweep(fit, TRIALS, SEED, executor)
    assert [trial.params for trial in there] == [trial.params for trial in local]
    assert [trial.loss for trial in there] == pytest.approx([trial.loss for trial in local], rel=TOLERANCE)
    # What was trained is what is kept: the model's bytes score validation as the trial says.
    again = there[0].scorer.many(fit.data.validation)
    assert again.tobytes() == there[0].validation_scores.tobytes()


def test_the_result_is_the_same_again_with_a_worker_killed_in_mid_fit_and_replaced(shared, undisturbed, over_rows_of):
    victim = shared.have(2)
    seen: list[object] = []

    def kill(trial: Trial) -> None:
        seen.append(trial.number)
        if trial.number == 0:
            time.sleep(0.3)  # the next trial is under way
            os.kill(victim.pid, signal.SIGKILL)
            seen.append(victim.wait())
            shared.add_worker()

    with over_rows_of(2, shared.address) as (executor, run):
        there = sweep(run, TRIALS, SEED, executor, on_trial=kill)
    assert seen == [0, -signal.SIGKILL, 1, 2, 3, 4, 5]
    assert told(there) == told(undisturbed[0])


def test_a_death_without_a_replacement_is_unavailable_with_the_remedy(shared, over_rows_of, monkeypatch):
    victim = shared.have(2)

    def kill(trial: Trial) -> None:
        monkeypatch.setattr("model_orchestration.search.on_dask.dask_rows.WORKERS_SECONDS", 1.0)
        victim.kill()

    with (
        pytest.raises(Unavailable, match="are to lie on 2 workers, there are 1: start more or set SWEEP_WORKERS"),
        over_rows_of(2, shared.address) as (executor, run),
    ):
        sweep(run, 4, SEED, executor, on_trial=kill)


def test_too_few_workers_are_unavailable_before_the_first_trial(shared, over_rows_of, monkeypatch):
    shared.have(1)
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_rows.WORKERS_SECONDS", 1.0)
    with (
        pytest.raises(Unavailable, match="are to lie on 3 workers"),
        over_rows_of(3, shared.address) as (executor, run),
    ):
        sweep(run, 2, SEED, executor)


def test_a_worker_with_other_code_is_rejected_by_name(shared, over_rows_of, monkeypatch):
    shared.have(1)
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_rows.sweep_digest", lambda: "another code")
    with (
        pytest.raises(Rejected, match="runs other code or another XGBoost"),
        over_rows_of(1, shared.address) as (executor, run),
    ):
        sweep(run, 2, SEED, executor)


def test_a_worker_that_does_not_reach_the_feature_store_says_so(shared, over_rows_of, stored_version):
    shared.have(1)
    nowhere = StoredRows(*(replace(rows, objects=bucket_at(free_port())) for rows in vars(stored_version[1]).values()))
    with over_rows_of(1, shared.address, nowhere) as (executor, run), pytest.raises(Unavailable, match="S3"):
        executor.submit(run, 0, {"max_depth": 3}).result()


def test_no_worker_seems_dead_while_the_client_looks_at_the_cluster_for_itself(shared, over_rows_of):
    shared.have(1)
    over = threading.Event()
    with over_rows_of(1, shared.address) as (_, run):

        async def look() -> None:  # as it does every two seconds
            while not over.is_set():
                await run._client._update_scheduler_info()

        run._client.loop.add_callback(look)
        found = {len(run._alive()) for _ in range(300)}
        over.set()
    assert found == {1}


def test_a_fit_that_fails_with_all_workers_alive_says_why(shared, over_rows_of, monkeypatch):
    shared.have(1)
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_rows.DEATH_SECONDS", 0.5)
    with (
        over_rows_of(1, shared.address) as (executor, run),
        pytest.raises(Exception, match="max_depth"),
    ):
        executor.submit(run, 0, {"max_depth": -3}).result()


def test_a_scheduler_that_is_lost_or_not_there_is_unavailable(shared, over_rows_of, monkeypatch):
    shared.have(1)
    monkeypatch.setattr(
        "model_orchestration.search.on_dask.dask_trials.CONNECT_SECONDS", 5.0
    )  # and as long for a reconnection

    def kill(trial: Trial) -> None:
        shared.processes[0].kill()

    with (
        pytest.raises(Unavailable, match="the scheduler was lost"),
        over_rows_of(1, shared.address) as (executor, run),
    ):
        sweep(run, 4, SEED, executor, on_trial=kill)
    monkeypatch.setattr("model_orchestration.search.on_dask.dask_trials.CONNECT_SECONDS", 1.0)
    with (
        pytest.raises(Unavailable, match="nothing responds at"),
        over_rows_of(1, f"tcp://127.0.0.1:{free_port()}"),
    ):
        pass
