"""Which models are in the shadow of a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.shadow.candidates import Candidate, candidates
from tabular.errors import NotFound
from tabular.ledger.entry import LedgerEntry
from tests.adapters.memory.ledger import MemoryLedger
from tests.unit.server.shadow.stored import NOON

DAY = timedelta(days=1)


class Aliases(dict):
    def alias(self, alias):
        if alias not in self:
            raise NotFound(alias)
        return self[alias]


@pytest.fixture
def ledger():
    return MemoryLedger()


def entered(ledger, kind, run_id, at, table="churn"):
    ledger.append(LedgerEntry(at=at, table=table, kind=kind, run_id=run_id, who="gate", why="Because."))


def found(aliases, ledger, now=NOON + 3 * DAY):
    return candidates(Aliases(aliases), ledger, "churn", "champion", now, 7.0)


def test_without_a_challenger_nothing_is_in_the_shadow(ledger):
    assert found({}, ledger) == []
    assert found({"challenger": "champion"}, ledger) == []


def test_a_challenger_is_there_since_the_ledger_says_so(ledger):
    entered(ledger, "challenged", "other", NOON + DAY)
    assert found({"challenger": "run2"}, ledger) == [Candidate("challenger", "run2", None)]
    entered(ledger, "challenged", "run2", NOON)
    entered(ledger, "challenged", "run2", NOON + 2 * DAY)
    assert found({"challenger": "run2"}, ledger) == [Candidate("challenger", "run2", NOON + 2 * DAY)]


def test_after_a_promotion_the_champion_of_before_is_there_for_some_days(ledger):
    entered(ledger, "promoted", "champion", NOON)
    aliases = {"previous": "run0", "challenger": "run2"}
    both = [Candidate("challenger", "run2", None), Candidate("previous", "run0", NOON)]
    assert found(aliases, ledger) == both
    assert found(aliases, ledger, NOON + 7 * DAY) == both[:1]


def test_after_a_rollback_or_a_promotion_of_another_it_is_not(ledger):
    entered(ledger, "promoted", "champion", NOON)
    entered(ledger, "rolled_back", "run3", NOON + DAY)
    assert found({"previous": "run3"}, ledger) == []
    entered(ledger, "promoted", "somebody", NOON + 2 * DAY)
    assert found({"previous": "run3"}, ledger) == []


def test_without_the_ledger_s_word_nobody_is_the_champion_of_before(ledger):
    entered(ledger, "promoted", "champion", NOON, table="taxi")
    assert found({"previous": "run0"}, ledger) == []
