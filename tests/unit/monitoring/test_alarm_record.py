"""Alarms in the ledger: each once, whatever fails and however often the monitor is started again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.alarms.kinds import Alarm
from monitoring.alarms.record import AlarmRecord
from tabular.errors import Unavailable
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.memory.ledger import MemoryLedger
from tests.unit.monitoring.labelled import DELAY, labelled
from tests.unit.monitoring.surroundings import RUN, START, TABLE, alarms_of

QUIET = Alarm(0.001, None, 7, 0.0, {"age": 0.001, "income": 0.0005})
RAISED = Alarm(1.5, START.timestamp(), 8, 0.0, {"age": 2.0, "income": 1.0})


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def record(ledger):
    return AlarmRecord(ledger, TABLE)


def told(ledger):
    return [(entry.kind, entry.evidence["kind"]) for entry in ledger.entries()[::-1]]


def after(minutes):
    return START + timedelta(minutes=minutes)


def test_an_alarm_is_entered_when_it_is_raised_and_when_it_ends_and_each_once(record, ledger):
    for minute, alarm in enumerate([QUIET, QUIET, RAISED, RAISED, RAISED, QUIET, QUIET, RAISED]):
        record.tell(RUN, {"drift": alarm}, after(minute))
    assert told(ledger) == [("alarmed", "drift"), ("alarm_ended", "drift"), ("alarmed", "drift")]
    first = ledger.entries()[-1]
    assert (first.at, first.table, first.run_id, first.who) == (after(2), TABLE, RUN, "monitor")
    assert "most surely age" in first.why
    assert (first.evidence["evidence"], first.evidence["blocks"], first.evidence["feature"]) == (1.5, 8, "age")
    assert first.evidence["raised_at"] == START.isoformat()


def test_what_the_ledger_says_already_is_not_entered_again_after_a_restart(record, ledger):
    record.tell(RUN, {"drift": RAISED, "score": QUIET}, after(0))
    for minute in (1, 2):
        AlarmRecord(ledger, TABLE).tell(RUN, {"drift": RAISED, "score": QUIET}, after(minute))
    assert told(ledger) == [("alarmed", "drift")]
    AlarmRecord(ledger, TABLE).tell(RUN, {"drift": QUIET, "score": RAISED}, after(3))
    assert sorted(told(ledger)) == [("alarm_ended", "drift"), ("alarmed", "drift"), ("alarmed", "score")]


def test_while_the_ledger_is_down_nothing_is_lost(record, ledger):
    ledger.is_down = True
    with pytest.raises(Unavailable):
        record.tell(RUN, {"drift": RAISED}, after(0))
    ledger.is_down = False
    record.tell(RUN, {"drift": RAISED}, after(1))
    assert told(ledger) == [("alarmed", "drift")]


def test_an_entry_that_was_stored_though_its_answer_was_lost_is_not_entered_twice(record, ledger):
    record.tell(RUN, {"drift": QUIET}, after(0))
    append = ledger.append

    def stored_and_lost(entry):
        append(entry)
        raise Unavailable("the prediction store", "the connection was closed")

    ledger.append = stored_and_lost
    with pytest.raises(Unavailable):
        record.tell(RUN, {"drift": RAISED}, after(1))
    ledger.append = append
    record.tell(RUN, {"drift": RAISED}, after(2))
    assert told(ledger) == [("alarmed", "drift")]


def test_two_runs_and_two_tables_have_alarms_of_their_own(record, ledger):
    other = AlarmRecord(ledger, "another")
    for one in (record, other):
        for run_id in (RUN, "b" * 32):
            one.tell(run_id, {"drift": RAISED}, after(0))
    assert len(ledger.entries()) == 4


def test_the_alarm_of_a_run_that_is_no_longer_monitored_ends(record, ledger):
    record.tell(RUN, {"drift": RAISED}, after(0))
    record.tell("b" * 32, {"drift": RAISED}, after(0))
    again = AlarmRecord(ledger, TABLE)
    again.end_all_but({RUN}, after(1))
    again.end_all_but({RUN}, after(2))
    assert told(ledger)[2:] == [("alarm_ended", "drift")]
    assert "made none of the table's newest predictions" in ledger.entries()[0].why


def test_the_alarm_on_quality_is_entered_with_the_losses_and_once_however_often_it_is_looked_at(store, ledger, bundle):
    store.predictions = labelled(bundle, 6_000, flipped=0.2)
    blocks = MemoryBlocks()
    now = START + DELAY + timedelta(seconds=6_100)
    for _ in range(3):
        alarms_of(store, loss_blocks=blocks, ledger=ledger).check(RUN, bundle, START, now)
    assert told(ledger) == [("alarmed", "quality")]
    (entry,) = ledger.entries()
    assert entry.evidence["mean_loss"] > entry.evidence["highest_mean_loss"] > entry.evidence["reference_mean_loss"]
    assert "has fallen" in entry.why
