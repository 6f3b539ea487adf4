"""The consumer's loop over ports in memory: what comes before what, and what a refusing port leads to."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from server.scoring.model import Model, ready_model
from server.stream.leases import LeaseSummary, NameTaken
from server.stream.loop import Sinks, StreamLoop
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import ShardReader
from tabular.errors import NotFound, Rejected, Unavailable
from tabular.ports.streams import Listing, Page, Shard, StreamRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Journal:
    """Every port in one: writes down what was done in which order, and fails where it is told to."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.records = [
            StreamRecord("s@1", "one", f"{at:03d}", f"key-{at}", body, NOON) for at, body in enumerate(bodies)
        ]
        self.done: list[tuple[str, Any]] = []
        self.failures: dict[str, list[Any]] = {}
        self.unwanted_ids: set[str] = set()
        self.checkpoints: dict[str, Any] = {}
        self.taken_away = 0
        self.stop = threading.Event()

    def write(self, step: str, what: Any) -> None:
        if self.failures.get(step):
            raise self.failures[step].pop(0)
        self.done.append((step, what))

    def steps(self) -> list[str]:
        return [step for step, _ in self.done]

    def listing(self) -> Listing:
        return Listing("s@1", (Shard("one"),))

    def iterator(self, _shard: str, after: str | None) -> str:
        return str(0 if after is None else int(after) + 1)

    def read(self, _shard: str, iterator: str, limit: int) -> Page:
        found = tuple(self.records[int(iterator) : int(iterator) + limit])
        if not found:
            self.stop.set()
        return Page(found, str(int(iterator) + len(found)), 0)

    def save(self, predictions) -> int:
        if any(prediction.id in self.unwanted_ids for prediction in predictions):
            raise Rejected("the store never takes this")
        self.write("store", [prediction.id for prediction in predictions])
        return len(predictions)

    def summary(self) -> LeaseSummary:
        return LeaseSummary(1, 0, 1, 0)

    def are_held(self, _shards) -> bool:
        return not self.failures.get("held") or self.failures["held"].pop(0)

    def save_positions(self, positions) -> list[str]:
        for shard, position in positions.items():
            if self.taken_away:
                self.taken_away -= 1
                return [shard]
            self.write("checkpoint", position.sequence_number)
            self.checkpoints[shard] = msgspec.structs.asdict(position)
        return []


class Checkpoints:
    """The journal once more: its `save` is the store's."""

    def __init__(self, journal: Journal) -> None:
        self.summary, self.are_held, self.save = journal.summary, journal.are_held, journal.save_positions


class Sink:
    def __init__(self, journal: Journal, step: str) -> None:
        self._journal, self._step = journal, step

    def put(self, records) -> None:
        if records:
            self._journal.write(self._step, [json.loads(data) for _, data in records])


@pytest.fixture
def model(bundle) -> Model:
    return ready_model("r" * 32, bundle)


@pytest.fixture
def good(bundle) -> bytes:
    return json.dumps(dict(bundle.golden[0].record)).encode()


def run(journal: Journal, model: Model, batch_records: int = 2) -> StreamMetrics:
    metrics = StreamMetrics()
    sinks = Sinks(journal, Sink(journal, "results"), Sink(journal, "dead letters"))
    reader = ShardReader(journal, journal.checkpoints.get)
    StreamLoop(reader, Checkpoints(journal), lambda: model, sinks, metrics, batch_records).run(0.0, journal.stop)
    return metrics


def test_the_store_comes_before_the_results_and_the_checkpoint_comes_last(model, good):
    journal = Journal([good, b"junk", good])
    run(journal, model)
    assert journal.steps() == ["store", "results", "dead letters", "checkpoint", "store", "results", "checkpoint"]
    assert [what for step, what in journal.done if step == "checkpoint"] == ["001", "002"]


def test_a_batch_of_poison_alone_moves_the_checkpoint_too(model):
    journal = Journal([b"junk", b""])
    run(journal, model)
    assert journal.steps() == ["dead letters", "checkpoint"]


@pytest.mark.parametrize("step", ["store", "results", "dead letters", "checkpoint"])
def test_a_failing_step_is_repeated_until_it_works_and_no_step_before_it(model, good, step):
    journal = Journal([good, b"junk"])
    journal.failures[step] = [Unavailable("it", "is down", retry_after_seconds=0.01)] * 3
    metrics = run(journal, model)
    assert journal.steps() == ["store", "results", "dead letters", "checkpoint"]
    assert metrics.registry.get_sample_value("consumer_failures_total", {"step": step}) == 3


def test_a_results_stream_that_does_not_exist_yet_is_waited_for(model, good):
    journal = Journal([good])
    journal.failures["results"] = [NotFound("no such stream")]
    run(journal, model)
    assert journal.steps() == ["store", "results", "checkpoint"]


def test_stopped_while_a_sink_is_down_it_leaves_the_checkpoint_where_it_was(model, good):
    journal = Journal([good])
    journal.failures["results"] = [Unavailable("results", "it is down", retry_after_seconds=0.01)] * 1_000_000
    threading.Timer(0.2, journal.stop.set).start()
    run(journal, model)
    assert journal.steps() == ["store"]
    assert not journal.checkpoints


def test_a_prediction_the_store_never_takes_becomes_a_dead_letter_and_the_others_go_on(model, good):
    journal = Journal([good, good])
    run(journal, model)
    unwanted = journal.done[0][1][0]
    journal = Journal([good, good])
    journal.unwanted_ids = {unwanted}
    run(journal, model)
    assert journal.steps() == ["store", "results", "dead letters", "checkpoint"]
    (letter,) = journal.done[2][1]
    assert (letter["sequence_number"], letter["reason"]) == ("000", "the store never takes this")
    assert [result["sequence_number"] for result in journal.done[1][1]] == ["001"]


def test_a_second_run_goes_on_behind_the_checkpoint(model, good):
    journal = Journal([good] * 4)
    run(journal, model)
    journal.stop.clear()
    before = len(journal.done)
    run(journal, model)
    assert len(journal.done) == before


def test_a_batch_whose_shard_was_taken_is_not_published_and_is_read_again(model, good):
    journal = Journal([good, good])
    journal.failures["held"] = [False]
    run(journal, model)
    assert journal.steps() == ["store", "store", "results", "checkpoint"]


def test_a_batch_whose_shard_was_taken_at_the_last_moment_is_not_counted_and_is_read_again(model, good):
    journal = Journal([good, good])
    journal.taken_away = 1
    metrics = run(journal, model)
    assert journal.steps() == ["store", "results", "store", "results", "checkpoint"]
    assert metrics.registry.get_sample_value("consumer_records_total", {"outcome": "served"}) == 2


def test_another_consumer_of_its_name_ends_it(model, good):
    journal = Journal([good])
    journal.failures["results"] = [NameTaken("another consumer")]
    with pytest.raises(NameTaken):
        run(journal, model)
