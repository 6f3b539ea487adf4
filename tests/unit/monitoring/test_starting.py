"""An alarm starts the flow once, whatever fails, and the monitor waits for nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.alarms.kinds import Alarm
from monitoring.alarms.record import AlarmRecord
from monitoring.alarms.starting import DEPLOYMENT, ReactionStarter
from tabular.errors import Rejected, Unavailable
from tests.adapters.memory.ledger import MemoryLedger
from tests.unit.monitoring.surroundings import RUN, START, TABLE

QUIET, RAISED = Alarm(0.001, None, 7, 0.0), Alarm(1.5, START.timestamp(), 8, 0.0)


class MemoryFlows:
    """The port `FlowStarter` in memory."""

    def __init__(self):
        self.started, self.error = [], None

    def start(self, deployment, key):
        if self.error is not None:
            raise self.error
        self.started.append((deployment, key))


@pytest.fixture
def flows():
    return MemoryFlows()


@pytest.fixture
def starter(flows):
    return ReactionStarter(flows)


@pytest.fixture
def ledger():
    return MemoryLedger()


def tell(ledger, starter, *alarms):
    """Each alarm a minute later, as a monitor does that is started again each time."""
    for minute, by_kind in enumerate(alarms):
        AlarmRecord(ledger, TABLE, starter.raised).tell(RUN, by_kind, START + timedelta(minutes=minute))
        starter.start_flow()


def test_an_alarm_that_is_raised_starts_the_flow_once_and_its_end_does_not(ledger, starter, flows):
    tell(ledger, starter, {"drift": QUIET}, {"drift": RAISED}, {"drift": RAISED}, {"drift": QUIET})
    (first,) = ledger.entries(kinds=("alarmed",))
    assert flows.started == [(DEPLOYMENT, first.id)]
    tell(ledger, starter, {"drift": RAISED})
    assert len(flows.started) == 2


def test_alarms_that_are_raised_together_start_it_once(ledger, starter, flows):
    tell(ledger, starter, {"drift": RAISED, "score": RAISED})
    assert len(ledger.entries(kinds=("alarmed",))) == 2
    assert len(flows.started) == 1


def test_while_flows_cannot_be_reached_nothing_stops_and_the_start_is_tried_again(ledger, starter, flows):
    flows.error = Unavailable("Prefect", "URLError")
    with pytest.raises(Unavailable):
        tell(ledger, starter, {"drift": RAISED})
    AlarmRecord(ledger, TABLE, starter.raised).tell(RUN, {"score": RAISED}, START)
    flows.error = None
    starter.start_flow()
    starter.start_flow()
    assert len(flows.started) == 1


def test_a_start_that_is_rejected_is_left_to_the_schedule(ledger, starter, flows):
    flows.error = Rejected("Prefect does not take the message: it responds with 404")
    tell(ledger, starter, {"drift": RAISED})
    flows.error = None
    starter.start_flow()
    assert flows.started == []


def test_without_flows_alarms_are_entered_all_the_same(ledger):
    tell(ledger, ReactionStarter(None), {"drift": RAISED})
    assert len(ledger.entries(kinds=("alarmed",))) == 1
