"""Clients that come together are shared among the workers; those of a worker that is stuck go to the others."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
from pathlib import Path

import pytest

from tests.server.raw_http import connected, request, responses

CLIENTS = 10
BURSTS = 5


@pytest.fixture
def api(run_api, wait_for, good):
    with run_api(API_WORKERS="2") as running:
        wait_for(lambda: both_take_clients(running, good))
        yield running


def clients_of(api) -> list[int]:
    """How many connections each worker holds, by what Linux says of its open files."""
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {line[9] for line in fields if line[1].endswith(f":{api.port:04X}") and line[3] == "01"}
    return [len(ours & sockets_of(pid)) for pid in api.workers()]


def sockets_of(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


@contextlib.contextmanager
def many_clients(api, good, count=CLIENTS):
    """So many clients that stay, each served once."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(api)) for _ in range(count)]
        for client in clients:
            client.sendall(request(good))
        for client in clients:
            assert responses(client)[0][0] == 200
        yield clients


def both_take_clients(api, good) -> bool:
    with many_clients(api, good, 2):
        return clients_of(api) == [1, 1]


def usual_smaller_share(api, good) -> float:
    """What the worker with fewer clients gets of those that come together: the median of several times."""
    smaller = []
    for _ in range(BURSTS):
        with many_clients(api, good):
            shares = clients_of(api)
            assert sum(shares) == CLIENTS
            smaller.append(min(shares))
    return statistics.median(smaller)


def test_clients_that_come_together_are_shared_by_the_workers(api, good):
    assert usual_smaller_share(api, good) >= CLIENTS // 3


def test_a_worker_that_is_stuck_leaves_its_clients_to_the_other(api, good):
    stuck, _ = api.workers()
    os.kill(stuck, signal.SIGSTOP)
    try:
        with many_clients(api, good, 30):
            assert sorted(clients_of(api)) == [0, 30]
    finally:
        os.kill(stuck, signal.SIGCONT)


def test_who_comes_after_a_worker_was_killed_is_shared_with_its_successor(api, good, wait_for):
    killed, _ = api.workers()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in api.workers() and both_take_clients(api, good))
    assert usual_smaller_share(api, good) >= CLIENTS // 3
