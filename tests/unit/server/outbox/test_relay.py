"""The relay: everything in the outbox reaches the store once, and one bad document holds up nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from embedded.services.service import free_port
from server.outbox.queue import Outbox
from server.outbox.relay import BULK_PREDICTIONS, FIRST_BACKOFF_SECONDS, IDLE_SECONDS, LONGEST_BACKOFF_SECONDS
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.predictions.label import LabelBatch
from tabular.predictions.prediction import Prediction
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.adapters.memory.labels import MemoryLabels
from tests.unit.server.outbox_writing import label, rejected, relay_of


def prediction(name: str, **row) -> Prediction:
    return Prediction(
        id=name,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        table="t",
        run_id="r",
        contract="c",
        source="api",
        row=row,
        score=0.1,
    )


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path, 100_000_000, "normal")
    yield box
    box.close()


def test_what_waits_reaches_the_store_and_leaves_the_outbox(outbox, predictions):
    outbox.append([prediction("a", x=1.5), prediction("b", x=None)])
    outbox.append([prediction("c", x="text")])
    assert relay_of(outbox, predictions).step() == IDLE_SECONDS
    assert {each.id: each.row for each in predictions.latest(9)} == {
        "a": {"x": 1.5},
        "b": {"x": None},
        "c": {"x": "text"},
    }
    assert outbox.status().current.depth == 0


def test_a_batch_reaches_the_store_as_the_predictions_it_is(outbox, predictions, bundle):
    rows = columns_of([bundle.codec.parse(each.record) for each in bundle.golden])
    batch = ready_model("r", bundle).many(rows, [f"golden-{at}" for at in range(len(rows))], "api")
    outbox.append([prediction("before")])
    outbox.append(batch)
    assert outbox.status().current.depth == 1 + len(rows)
    relay_of(outbox, predictions).step()
    stored = {each.id: each for each in predictions.latest(99)}
    assert stored.pop("before") == prediction("before")
    assert stored == {each.id: each for each in batch}
    assert outbox.status().current.depth == 0


def test_a_full_bulk_is_followed_by_the_next_without_rest(outbox, predictions):
    for number in range(BULK_PREDICTIONS + 1):
        outbox.append([prediction(str(number))])
    relay = relay_of(outbox, predictions)
    assert relay.step() == 0
    assert relay.step() == IDLE_SECONDS
    assert predictions.count_by_source() == {("t", "api"): BULK_PREDICTIONS + 1}


def test_an_entry_sent_twice_is_stored_once(outbox, predictions):
    outbox.append([prediction("a")])
    predictions.save([prediction("a")])
    relay_of(outbox, predictions).step()
    assert predictions.count_by_source() == {("t", "api"): 1}


def test_a_document_that_the_store_rejects_is_kept_and_the_rest_go_on(outbox, predictions, tmp_path):
    outbox.append([prediction("good"), prediction("bad", x=2**70), prediction("better")])
    outbox.append([prediction("last")])
    relay_of(outbox, predictions).step()
    assert {each.id for each in predictions.latest(9)} == {"good", "better", "last"}
    ((reason, body),) = rejected(tmp_path)
    assert "cannot hold" in reason
    assert b'"bad"' in body
    assert outbox.status().current.depth == 0


def test_while_the_store_is_down_the_outbox_keeps_all_and_the_waits_grow(outbox):
    nowhere = Wiring(Settings(mongo_uri=f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=1")).predictions()
    outbox.append([prediction("a")])
    relay = relay_of(outbox, nowhere)
    first, second, third = relay.step(), relay.step(), relay.step()
    assert first >= FIRST_BACKOFF_SECONDS / 2
    assert second > IDLE_SECONDS
    assert third <= LONGEST_BACKOFF_SECONDS
    assert outbox.status().current.depth == 1


def test_predictions_are_stored_before_the_labels_of_the_same_bulk(outbox, predictions):
    outbox.append(LabelBatch((label("early"), label("a"))))
    outbox.append([prediction("a")])
    seen = []

    class Watching(MemoryLabels):
        def save(self, labels):
            seen.append({each.id for each in predictions.latest(9)})
            return super().save(labels)

    labels = Watching()
    relay_of(outbox, predictions, labels).step()
    assert labels.saved == [label("early"), label("a")]
    assert seen == [{"a"}]
    assert outbox.status().current.depth == 0


def test_a_label_that_the_store_rejects_is_kept_and_the_rest_go_on(outbox, predictions, tmp_path):
    labels = MemoryLabels()
    labels.refuses = "bad"
    outbox.append(LabelBatch((label("a"), label("b", "bad"), label("c"))))
    relay_of(outbox, predictions, labels).step()
    assert [each.prediction_id for each in labels.saved] == ["a", "c"]
    ((reason, body),) = rejected(tmp_path)
    assert "cannot hold" in reason
    assert b'"bad"' in body


def test_while_the_store_takes_no_labels_they_stay_in_the_outbox(outbox, predictions):
    labels = MemoryLabels()
    labels.is_down = True
    outbox.append(LabelBatch((label("a"),)))
    relay = relay_of(outbox, predictions, labels)
    assert relay.step() > IDLE_SECONDS
    assert outbox.status().current.depth == 1
    labels.is_down = False
    relay.step()
    assert labels.saved == [label("a")]
    assert outbox.status().current.depth == 0
