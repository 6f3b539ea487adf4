"""The attacks' own machinery: the brake before memory runs out, the bystander, earlier versions, the tables."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.attacks.attack import Found, Target
from benchmarks.attacks.bystander import Bystander, Seen
from benchmarks.attacks.catalog import catalog
from benchmarks.attacks.measure import Measured
from benchmarks.attacks.memory import STOPPED_MB, MemoryWatch, resident_mb
from benchmarks.attacks.report import tables
from benchmarks.attacks.server import NoHistory, version
from embedded.services.service import free_port


@pytest.fixture
def worker():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("grown_mb", "is_ended"), [(STOPPED_MB + 100, False), (2 * STOPPED_MB + 100, True)])
def test_an_attack_is_stopped_and_then_its_worker_is_before_memory_runs_out(worker, grown_mb, is_ended):
    target = Target(1, worker.pid, Path("log"), b"{}")
    with MemoryWatch(target, resident_mb(worker.pid) - grown_mb) as memory:
        assert target.stopped.wait(20)
        if is_ended:
            assert worker.wait(20) != 0
        else:
            assert worker.poll() is None
    assert memory.was_stopped
    assert not list(target.until(1))
    assert not list(target.times(1))


def test_a_bystander_whom_nobody_answers_saw_nothing_but_failures():
    with Bystander(free_port(), b"{}") as bystander:
        pass
    assert bystander.seen.requests == bystander.seen.failures > 10


def test_a_commit_that_is_not_here_has_no_version():
    with pytest.raises(NoHistory), version("0" * 40):
        pytest.fail("there is no such commit")


def test_the_table_has_each_version_and_says_of_the_last_whether_it_is_within_bounds():
    attacks = {name: catalog()[name] for name in ("chunks", "readers")}
    bad = _measured(1_070.4, Seen(100, 3, 3_200.0), Found(Counter({"200": 1})), "grew")
    good = _measured(3.2, Seen(100, 0, 9.0), Found(figure="4 bytes read"))
    before, now = dict.fromkeys(attacks, bad), {"chunks": bad, "readers": good}
    first, *figures = tables(attacks, {"before": before, "now": now})
    assert [row["before"] for row in first.rows] == ["> + 1,070 MB; p99 3,200 ms; 3 failed"] * 2
    assert first.rows[1]["now"] == "+ 3 MB; p99 9 ms; 0 failed; 4 bytes read"
    assert first.rows[1]["bound"] == "+ 64 MB; p99 ≤ 100 ms"
    assert [row["within bounds"] for row in first.rows] == ["exceeded", "OK"]
    assert [table.rows[0]["exceeded"] for table in figures] == ["grew", "grew"]


def _measured(grown_mb: float, seen: Seen, found: Found, *faults: str) -> Measured:
    return Measured(
        grown_mb=grown_mb,
        kept_mb=1.0,
        was_stopped=grown_mb > STOPPED_MB,
        cpu_seconds=0.1,
        seen=seen,
        found=found,
        faults=faults,
    )
