"""The process that relays: one on a machine, whoever dies; and nothing of it outlives the workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil
import pytest

from server.outbox.relay_process import RelaySettings, RelaySupervisor
from tabular.predictions.prediction import Prediction
from tabular.settings import Settings
from tabular.wiring import Wiring

KEEPER = """
import sys, threading
import msgspec
from server.outbox.relay_process import RelaySupervisor, RelaySettings

RelaySupervisor(msgspec.json.decode(sys.argv[1], type=RelaySettings)).run(threading.Event())
"""


@pytest.fixture
def what(store, settings, tmp_path):
    return RelaySettings(
        folder=str(tmp_path / "outbox"),
        max_bytes=100_000_000,
        sync="normal",
        mongo_uri=settings.mongo_uri,
        mongo_database=f"test_{uuid.uuid4().hex}",
    )


@pytest.fixture
def outbox(what):
    box = what.outbox()
    yield box
    box.close()


@pytest.fixture
def stored(what):
    adapter = Wiring(Settings(mongo_uri=what.mongo_uri, mongo_database=what.mongo_database)).predictions()
    yield lambda: {each.id for each in adapter.latest(9)}
    adapter.close()


@pytest.fixture
def keep(what):
    """Starts a keeper as a worker does, as often as it is called; all are stopped in the end."""
    stop, threads = threading.Event(), []

    def start():
        threads.append(threading.Thread(target=RelaySupervisor(what).run, args=(stop,)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    assert relays(os.getpid()) == []


def prediction(name: str) -> Prediction:
    made_at = datetime(2026, 3, 1, tzinfo=UTC)
    return Prediction(id=name, made_at=made_at, table="t", run_id="r", contract="c", source="api", row={}, score=0.1)


def relays(pid: int) -> list[psutil.Process]:
    """The relay processes that this process has started."""
    return [one for one in psutil.Process(pid).children() if "server.outbox.relay_process" in " ".join(one.cmdline())]


def wait_for(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_one_process_relays_for_all_workers_and_another_is_started_when_it_is_killed(outbox, stored, keep):
    keep()
    keep()
    outbox.append([prediction("first")])
    wait_for(lambda: stored() == {"first"})
    # Stopped in the middle of an acknowledgement it would hold the outbox too.
    wait_for(lambda: outbox.status().current.depth == 0)
    (process,) = relays(os.getpid())

    process.send_signal(signal.SIGSTOP)  # holds its lock and does nothing
    outbox.append([prediction("second")])
    time.sleep(1.5)  # longer than a worker waits until it tries the lock again
    assert relays(os.getpid()) == [process]
    assert stored() == {"first"}

    process.kill()
    wait_for(lambda: stored() == {"first", "second"})


def test_it_ends_with_the_worker_that_started_it_and_another_worker_goes_on(what, outbox, stored, keep):
    command = [sys.executable, "-c", KEEPER, msgspec.json.encode(what).decode()]
    worker = subprocess.Popen(command)
    try:
        outbox.append([prediction("first")])
        wait_for(lambda: stored() == {"first"})
        (process,) = relays(worker.pid)
    finally:
        worker.kill()
        worker.wait()
    process.wait(20)
    keep()
    outbox.append([prediction("second")])
    wait_for(lambda: stored() == {"first", "second"})


def test_the_address_of_the_store_is_on_no_command_line(what, outbox, keep):
    keep()
    wait_for(lambda: relays(os.getpid()))
    (process,) = relays(os.getpid())
    assert "mongodb" not in " ".join(process.cmdline())


def test_a_process_that_cannot_be_started_is_told_and_leaves_the_outbox_alone(what, outbox, monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", str(Path(what.folder) / "no-python"))
    stop = threading.Event()
    keeper = threading.Thread(target=RelaySupervisor(what).run, args=(stop,))
    outbox.append([prediction("first")])
    keeper.start()
    wait_for(lambda: "could not be started" in caplog.text)
    stop.set()
    keeper.join()
    assert outbox.status().current.depth == 1
