"""The port `Ledger`: the prediction store and its twin in memory give the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pymongo
import pytest

from tabular.errors import Rejected, Unavailable
from tabular.ledger.entry import LedgerEntry, entry_id
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring
from tests.adapters.memory.ledger import MemoryLedger
from tests.adapters.noon import NOON


def entry(minutes=0, **changes):
    fields = {"at": NOON + timedelta(minutes=minutes), "table": "churn", "kind": "promoted", "run_id": "run1"}
    return LedgerEntry(**(fields | {"who": "gate", "why": "It is better.", "evidence": {"auc": 0.9}} | changes))


@pytest.fixture
def mongo_ledger(store, settings, database):
    adapter = Wiring(msgspec.structs.replace(settings, mongo_database=database)).ledger()
    yield adapter
    adapter.close()


@pytest.fixture(params=["mongo", "memory"])
def ledger(request):
    return request.getfixturevalue("mongo_ledger") if request.param == "mongo" else MemoryLedger()


def test_entries_come_back_as_they_were_added_newest_first(ledger):
    written = [entry(1), entry(0, kind="trained"), entry(2, run_id=None, evidence={"page": "http://x", "loss": None})]
    assert [ledger.append(one) for one in written] == [True] * 3
    assert ledger.entries() == [written[2], written[0], written[1]]


def test_entries_are_found_by_table_kind_and_time(ledger):
    first, second, other = entry(0), entry(1, kind="alarmed"), entry(2, table="rides")
    for one in (first, second, other):
        ledger.append(one)
    assert ledger.entries(table="churn") == [second, first]
    assert ledger.entries(kinds=("alarmed", "dropped")) == [second]
    assert ledger.entries(since=second.at) == [other, second]
    assert ledger.entries(until=second.at) == [first]
    assert ledger.entries(table="churn", since=second.at, until=other.at, kinds=("promoted",)) == []
    assert ledger.entries(limit=1) == [other]
    assert ledger.entries(limit=0) == []


def test_times_are_kept_to_the_microsecond(ledger):
    first, second = entry(), entry(at=NOON + timedelta(microseconds=1))
    ledger.append(second)
    ledger.append(first)
    assert ledger.entries() == [second, first]
    assert ledger.entries(until=second.at) == [first]


def test_an_event_that_is_entered_twice_is_stored_once_as_it_was_first(ledger):
    name = entry_id("churn", "rejected", "run1")
    assert name == entry_id("churn", "rejected", "run1")
    assert len({name, entry_id("churn", "rejected", "run2"), entry_id("rides", "rejected", "run1")}) == 3
    assert ledger.append(entry(id=name)) is True
    assert ledger.append(entry(1, id=name, why="Another reason.")) is False
    assert ledger.entries() == [entry(id=name)]


def test_events_without_an_identity_are_each_stored():
    assert entry().id != entry().id


def test_a_figure_that_is_not_a_number_is_null_and_a_naive_time_is_utc(mongo_ledger):
    mongo_ledger.append(entry(at=datetime(2026, 3, 1, 12), evidence={"auc": float("nan")}))  # noqa: DTZ001 - the case
    (found,) = mongo_ledger.entries()
    assert (found.at, found.evidence) == (datetime(2026, 3, 1, 12, tzinfo=UTC), {"auc": None})


@pytest.mark.parametrize("changes", [{"kind": "praised"}, {"evidence": {"auc": [1]}}, {"who": None}])
def test_what_could_not_be_read_again_is_rejected(mongo_ledger, changes):
    with pytest.raises(Rejected, match="no entry of the ledger"):
        mongo_ledger.append(entry(**changes))
    assert mongo_ledger.entries() == []


def test_what_is_no_entry_is_left_out(mongo_ledger, settings, database):
    mongo_ledger.append(entry())
    client = pymongo.MongoClient(settings.mongo_uri)
    client[database]["ledger"].insert_many([{"_id": "x", "table": "churn", "at_us": 2**52}, {"_id": "y"}])
    client.close()
    assert len(mongo_ledger.entries()) == 1


def test_a_store_that_is_down_is_unavailable():
    down = Wiring(with_values(Settings(), mongo_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")).ledger()
    with pytest.raises(Unavailable):
        down.entries()
    with pytest.raises(Unavailable):
        down.append(entry())
    down.close()
