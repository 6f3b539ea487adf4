"""The port `PredictionReader`: the prediction store and its twin in memory give the same."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from tests.adapters.memory.predictions import MemoryPredictions
from tests.adapters.noon import NOON, prediction


@pytest.fixture(params=["mongo", "memory"])
def empty(request):
    return request.getfixturevalue("predictions") if request.param == "mongo" else MemoryPredictions()


@pytest.fixture
def reader(empty):
    """A store of twelve predictions of two runs and two sources, saved out of order."""
    made = empty
    made.save([prediction(at, run_id=f"run{at % 2}", source="stream" if at % 3 else "api") for at in range(6, 12)])
    made.save([prediction(at, run_id=f"run{at % 2}", source="stream" if at % 3 else "api") for at in range(8)])
    return made


def ids(predictions):
    return [found.id for found in predictions]


def test_the_first_write_of_an_id_stands(reader):
    assert reader.save([prediction(1, score=0.9), prediction(12)]) == 1
    assert {found.score for found in reader.latest(20)} == {0.25}


def test_the_latest_come_newest_first_of_a_run_and_until_a_time(reader):
    assert ids(reader.latest(3)) == ["p11", "p10", "p9"]
    assert ids(reader.latest(2, run_id="run0")) == ["p10", "p8"]
    assert ids(reader.latest(2, until=NOON + timedelta(microseconds=5))) == ["p4", "p3"]


def test_the_runs_of_a_period_are_counted_and_of_the_newest_so_many(reader):
    until = NOON + timedelta(seconds=1)
    assert reader.runs(None, until, 100) == Counter(run0=6, run1=6)
    assert reader.runs(None, until, 100, newest=3) == Counter(run1=2, run0=1)
    assert reader.runs(NOON + timedelta(microseconds=10), until, 100) == Counter(run0=1, run1=1)


def test_what_is_there_since_a_time_is_counted_up_to_a_most(reader):
    assert reader.count_since(NOON + timedelta(microseconds=4), 100) == 8
    assert reader.count_since(NOON, 5) == 5


def test_what_each_source_made_is_counted_by_the_minute(empty):
    minute = 60_000_000
    empty.save([prediction(at * minute, source="stream" if at else "api", id=f"m{at}") for at in (0, 1, 2)])
    empty.save([prediction(minute + 1, source="stream", id="more"), prediction(1, table="rides", id="ride")])
    after = NOON + timedelta(minutes=2)
    found = empty.by_minute(NOON, after, 100, "churn")
    assert found == Counter({(NOON, "api"): 1, (NOON + timedelta(minutes=1), "stream"): 2})
    assert empty.by_minute(after, after + timedelta(hours=1), 100, "churn") == Counter({(after, "stream"): 1})


def test_the_newest_of_a_run_are_sampled_whole_where_they_are_few(reader):
    sample = reader.sample_latest(4, 100, "run1", NOON + timedelta(microseconds=10))
    assert (ids(sample.predictions), sample.is_whole) == (["p9", "p7", "p5", "p3"], True)


def test_each_table_and_source_is_counted(reader):
    assert reader.count_by_source() == {("churn", "api"): 4, ("churn", "stream"): 8}


def test_a_table_has_its_own_newest_runs_and_reports_however_busy_another_is(empty):
    empty.save([prediction(at, run_id="busy") for at in range(20)])
    empty.save([prediction(at, run_id=f"quiet{at}", table="rides", id=f"r{at}") for at in (0, 30)])
    until = NOON + timedelta(microseconds=25)
    assert ids(empty.latest(9, until=until, table="rides")) == ["r0"]
    assert empty.runs(None, until, 100, newest=5, table="rides") == Counter(quiet0=1)
    assert empty.runs(None, until, 100, newest=5, table="churn") == Counter(busy=5)
    assert [empty.count_since(until, 9, table) for table in ("rides", "churn")] == [1, 0]
    for table in ("churn", "rides"):
        empty.save_report({"_id": table, "table": table, "made_at": NOON})
    assert [row["_id"] for row in empty.reports(9, "rides")] == ["rides"]


def test_reports_come_newest_first_and_once_by_id(reader):
    for at in (1, 3, 2, 3):
        reader.save_report({"_id": f"r{at}", "made_at": NOON + timedelta(hours=at)})
    assert [row["_id"] for row in reader.reports(2)] == ["r3", "r2"]
