"""What measures an attack: the brake before memory runs out, the other clients, the tables."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.harness.paced import Paced
from benchmarks.harness.processes import resident_mb
from embedded.services.service import free_port
from tests.server.attacks.attack import Found, Target
from tests.server.attacks.catalog import catalog
from tests.server.attacks.measure import OTHERS, RATE_PER_SECOND, Measured, requests_of
from tests.server.attacks.memory import STOPPED_MB, watched
from tests.server.attacks.report import tables


@pytest.fixture
def worker():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("grown_mb", "is_ended"), [(STOPPED_MB + 100, False), (2 * STOPPED_MB + 100, True)])
def test_an_attack_is_stopped_and_then_its_worker_is_before_memory_runs_out(worker, grown_mb, is_ended):
    target = Target(1, worker.pid, Path("log"), b"{}")
    with watched(target, resident_mb(worker.pid) - grown_mb) as growth:
        assert target.stopped.wait(20)
        if is_ended:
            assert worker.wait(20) != 0
        else:
            assert worker.poll() is None
    assert growth.was_stopped
    assert not list(target.until(1))
    assert not list(target.times(1))


def test_other_clients_whose_requests_get_no_response_see_nothing_but_failures():
    others = Paced(free_port(), requests_of(b"{}", ""), RATE_PER_SECOND, None, **OTHERS).figures()
    assert others["requests"] == others["errors"] > 10


def test_the_tables_say_whether_each_attack_is_within_its_bounds():
    attacks = {name: catalog()[name] for name in ("chunks", "readers")}
    bad = measured(1_070.4, {"errors": 3, "p99_ms": 3_200.0}, Found(Counter({"200": 1})), "grew")
    good = measured(3.2, {"errors": 0, "p99_ms": 9.0}, Found(figure="4 bytes read"))
    first, figures = tables(attacks, {"chunks": bad, "readers": good})
    assert [row["found"] for row in first.rows] == [
        "> + 1,070 MB; p99 3,200 ms; 3 failed",
        "+ 3 MB; p99 9 ms; 0 failed; 4 bytes read",
    ]
    assert first.rows[1]["bound"] == "+ 64 MB; p99 ≤ 100 ms"
    assert [row["within bounds"] for row in first.rows] == ["exceeded", "OK"]
    assert [row["exceeded"] for row in figures.rows] == ["grew", ""]


def measured(grown_mb: float, others: dict[str, float], found: Found, *faults: str) -> Measured:
    was_stopped = grown_mb > STOPPED_MB
    return Measured(grown_mb, 1.0, was_stopped, 0.1, {"requests": 100, "lag_p99_ms": 0.0} | others, found, faults)
