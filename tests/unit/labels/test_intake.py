"""What is done with labels that came in: counted by origin, and entered into the ledger now and then."""

from __future__ import annotations

from datetime import UTC, datetime

from tabular.labels.intake import ENTRY_SECONDS, LabelIntake
from tabular.ports.labels import LabelCounts
from tabular.predictions.label import Label
from tests.adapters.memory.labels import MemoryLabels
from tests.adapters.memory.ledger import MemoryLedger


def label(table: str = "t", source: str = "api") -> Label:
    return Label(
        table=table, prediction_id="p", outcome="x", received_at=datetime(2026, 3, 1, tzinfo=UTC), source=source
    )


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_labels_are_counted_by_table_and_source():
    intake = LabelIntake(MemoryLabels(), MemoryLedger())
    assert intake.save([label(), label("u"), label(source="stream"), label()]) == LabelCounts(attached=4)
    assert intake.counts == {
        ("t", "api"): LabelCounts(attached=2),
        ("t", "stream"): LabelCounts(attached=1),
        ("u", "api"): LabelCounts(attached=1),
    }


def test_a_label_that_goes_on_waiting_is_not_counted_again():
    store = MemoryLabels()
    store.found_waiting = {("t", "api"): LabelCounts(attached=1, waiting=9)}
    intake = LabelIntake(store, MemoryLedger())
    intake.attach_waiting()
    assert intake.counts == {("t", "api"): LabelCounts(attached=1)}


def test_a_process_that_has_only_begun_gives_no_label_up_whatever_its_clock_says():
    store = MemoryLabels()
    LabelIntake(store, MemoryLedger()).attach_waiting()
    assert store.tried_at == [datetime.fromtimestamp(0, UTC)]


def test_a_table_is_entered_into_the_ledger_once_a_minute_at_most_with_all_of_its_labels():
    ledger, clock = MemoryLedger(), Clock()
    intake = LabelIntake(MemoryLabels(), ledger, clock)
    intake.enter()
    assert ledger.saved == {}
    for now in (0.0, 1.0, ENTRY_SECONDS - 1):
        clock.now = now
        intake.save([label(), label(source="stream")])
        intake.enter()
    assert [entry.evidence["attached"] for entry in ledger.saved.values()] == [2]
    clock.now = ENTRY_SECONDS
    intake.save([label("u")])
    intake.enter()
    assert [(one.table, one.evidence["attached"]) for one in list(ledger.saved.values())[1:]] == [("t", 4), ("u", 1)]
    assert {one.kind for one in ledger.saved.values()} == {"labels_arrived"}
    assert list(ledger.saved.values())[1].why == "4 labels attached and 0 corrected (api, stream)"


def test_what_a_file_brought_is_entered_at_once():
    ledger = MemoryLedger()
    intake = LabelIntake(MemoryLabels(), ledger, Clock())
    for _ in range(2):
        intake.save([label(source="file")])
        intake.enter(at_once=True)
    assert len(ledger.saved) == 2
