"""What is told of the ledger, once each, in order, however often it is tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_orchestration.react.telling import ALARMS, DECISIONS, KEPT_FOR, Teller
from tabular.errors import Rejected, Unavailable
from tabular.ledger.entry import LedgerEntry
from tests.adapters.memory.ledger import MemoryLedger

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Post:
    """A messenger that takes, refuses for good, or is down."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_down = False
        self.refused: set[str] = set()

    def post(self, entry: LedgerEntry) -> None:
        if self.is_down:
            raise Unavailable("the webhook", "it is down")
        if entry.id in self.refused:
            raise Rejected("never")
        self.taken.append(entry.id)


def entry(known: str, minutes: float, kind: str = "alarmed", table: str = "churn", **evidence: str) -> LedgerEntry:
    at = NOON + minutes * MINUTE
    return LedgerEntry(id=known, at=at, table=table, kind=kind, who="x", why="because", evidence=evidence)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def told(ledger, tmp_path):
    post = Post()
    teller = Teller(ledger, post, tmp_path, (*ALARMS, *DECISIONS))

    def tell(minutes: float) -> list[str]:
        post.taken.clear()
        teller.tell({"churn"}, NOON + minutes * MINUTE)
        return list(post.taken)

    tell.post = post
    return tell


def test_what_was_before_the_first_look_is_no_news(ledger, told):
    ledger.append(entry("old", -5))
    assert told(0) == []
    ledger.append(entry("new", 1))
    assert told(2) == ["new"]


def test_each_entry_is_told_once_in_order_and_a_late_one_too(ledger, told):
    told(0)
    ledger.append(entry("b", 2))
    ledger.append(entry("a", 1))
    assert told(3) == ["a", "b"]
    ledger.append(entry("late", 1.5))
    assert told(4) == ["late"]
    assert told(5) == []


def test_what_cannot_be_posted_waits_and_stays_in_order(ledger, told):
    told(0)
    for at, known in enumerate("abc", start=1):
        ledger.append(entry(known, at))
    told.post.is_down = True
    assert told(5) == []
    told.post.is_down = False
    assert told(6) == ["a", "b", "c"]


def test_what_is_refused_for_good_is_given_up_and_keeps_nothing_back(ledger, told):
    told(0)
    told.post.refused = {"a"}
    ledger.append(entry("a", 1))
    ledger.append(entry("b", 2))
    assert told(3) == ["b"]
    assert told(4) == []


def test_news_of_more_than_a_day_ago_is_no_news(ledger, told):
    told(0)
    told.post.is_down = True
    ledger.append(entry("a", 1))
    told(2)
    told.post.is_down = False
    assert told(KEPT_FOR / MINUTE + 10) == []


def test_neither_a_decision_to_do_nothing_nor_another_table_is_told(ledger, told):
    told(0)
    ledger.append(entry("n", 1, "decided", action="nothing"))
    ledger.append(entry("o", 1, table="other"))
    ledger.append(entry("t", 1, "trained"))
    ledger.append(entry("y", 1, "decided", action="tell"))
    assert told(2) == ["y"]


def test_a_place_that_cannot_be_read_begins_again_now(ledger, told, tmp_path):
    told(0)
    (tmp_path / "told.json").write_text("{")
    ledger.append(entry("before", 1))
    assert told(2) == []
    ledger.append(entry("after", 3))
    assert told(4) == ["after"]


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=30))
def test_nothing_is_told_twice_nor_lost_whenever_the_webhook_is_down(tmp_path_factory, steps):
    ledger, post = MemoryLedger(), Post()
    teller = Teller(ledger, post, tmp_path_factory.mktemp("told"), ALARMS)
    teller.tell({"churn"}, NOON)
    for at, (minutes, is_down) in enumerate(steps):
        ledger.append(entry(str(at), minutes))
        post.is_down = is_down
        teller.tell({"churn"}, NOON + 70 * MINUTE)
    post.is_down = False
    teller.tell({"churn"}, NOON + 70 * MINUTE)
    assert sorted(post.taken, key=int) == [str(at) for at in range(len(steps))]
