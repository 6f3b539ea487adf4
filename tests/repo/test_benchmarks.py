"""The benchmarks start, and their page says what their results say."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys

import pytest

from benchmarks.harness.page import RESULTS, page
from benchmarks.peers.catalog import CONTENDERS
from benchmarks.peers.environments import CONTENDERS as FOLDERS
from benchmarks.run import FOLDER, QUICK, names
from embedded.layout import PROJECT

NAMES = ("estimate", "growth", "labels", "quality", "scoring", "search", "serving", "shadow", "stream", "tables")
MAX_LINES, MAX_MEDIAN_LINES = 250, 110
LOCKS = sorted(FOLDERS.glob("*/requirements.txt"))


@pytest.mark.parametrize("name", QUICK)
def test_a_benchmark_starts_and_knows_the_options_of_its_quick_run(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    options = [option.partition("=")[0] for option in QUICK[name] if option.startswith("--")]
    assert not [option for option in options if option not in shown]


def test_every_benchmark_has_a_quick_run():
    assert tuple(names()) == NAMES
    assert set(QUICK) == {*NAMES, "peers"}


def test_every_benchmark_leaves_its_tables():
    for name in QUICK:
        assert f'save("{name}", ' in (FOLDER / name / "__main__.py").read_text()


def test_the_modules_of_the_benchmarks_are_small():
    lines = {path.relative_to(FOLDER).as_posix(): len(path.read_text().splitlines()) for path in FOLDER.rglob("*.py")}
    assert not {name: count for name, count in lines.items() if count > MAX_LINES}
    assert statistics.median(lines.values()) <= MAX_MEDIAN_LINES


def test_the_modules_of_the_benchmarks_parse():
    for path in FOLDER.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_the_page_says_what_the_results_say():
    files = page(RESULTS)
    stale = [name for name, text in files.items() if (RESULTS.parent / name).read_text() != text]
    assert not stale, "run make bench-page"
    assert {path.name for path in RESULTS.glob("*.svg")} == {name.partition("/")[2] for name in files} - {""}


def test_the_results_are_light():
    assert sum(path.stat().st_size for path in RESULTS.iterdir()) < 200_000


def test_every_peer_has_a_lock_that_pins_what_it_asks_for():
    assert {path.parent.name for path in LOCKS} == {one.peer for one in CONTENDERS if one.peer}
    for lock in LOCKS:
        pinned = {line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line}
        assert len(pinned) == len(lock.read_text().splitlines())
        asked = lock.with_suffix(".in").read_text().splitlines()
        assert {re.split(r"[=<>\[ ]", line)[0] for line in asked} <= pinned
