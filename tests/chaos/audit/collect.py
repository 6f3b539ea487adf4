"""Reads what is on the three streams and in the store, past the proxy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pymongo

from server.stream.shard_reader import ShardReader
from tabular.errors import TabularError
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import id_from_stream
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.chaos.audit.comparison import Streams
from tests.chaos.audit.stored import Stored

POLL_SECONDS = 0.3
LIMIT = 10_000


class Collector:
    """Keeps everything that was ever on the streams, in a thread: an emulator that is killed forgets it."""

    def __init__(self, emulator_port: int, streams: tuple[str, str, str], score_key: str) -> None:
        wiring = Wiring(Settings(aws_endpoint_url=f"http://127.0.0.1:{emulator_port}"))
        self.found, self.lock = Streams(), threading.Lock()
        self._score_key, self._predictions = score_key, streams[0]
        self._stop = threading.Event()
        takers: tuple[Callable[[StreamRecord], None], ...] = (self._record, self._result, self._letter)
        self._readers = [
            (ShardReader(wiring.shards(stream), lambda _: None, discover_seconds=1.0), take)
            for stream, take in zip(streams, takers, strict=True)
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_reading(self) -> bool:
        """False if it died: then nothing that it lacks is anybody else's loss."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            for reader, take in self._readers:
                try:
                    records = reader.poll(LIMIT).records
                except TabularError:
                    continue
                with self.lock:
                    for record in records:
                        take(record)

    def _record(self, record: StreamRecord) -> None:
        known = id_from_stream(record.stream, record.shard, record.sequence_number)
        self.found.records[record.shard, record.sequence_number] = known
        self.found.keys.add(record.partition_key)

    def _result(self, record: StreamRecord) -> None:
        answer = json.loads(record.data)
        self.found.results.setdefault(answer["prediction_id"], []).append(answer[self._score_key])

    def _letter(self, record: StreamRecord) -> None:
        letter = json.loads(record.data)
        if letter["stream"] != self._predictions:
            self.found.label_letters.add(letter["reason"])
            return
        self.found.letters[letter["shard"], letter["sequence_number"]] += 1


def stored(settings: Settings) -> list[Stored]:
    """Every document of the store, read with the plain driver."""
    fields = {"source", "score", "business_key", "made_at_us", "label", "labelled_at_us"}
    with pymongo.MongoClient(settings.mongo_uri) as client:
        documents = client[settings.mongo_database]["data"].find({}, dict.fromkeys(["_id", *fields], 1))
        return [Stored(each["_id"], **{name: each.get(name) for name in fields}) for each in documents]


def label_history(settings: Settings) -> list[tuple[str, int]]:
    """The prediction and the time of every label that was ever attached."""
    with pymongo.MongoClient(settings.mongo_uri) as client:
        entries = client[settings.mongo_database]["labels"].find({"labelled_at_us": {"$gt": 0}})
        return [(each["prediction_id"], each["labelled_at_us"]) for each in entries]


def labels_waiting(settings: Settings) -> set[str]:
    """The ids and keys of labels that wait for their prediction, or have waited for too long."""
    with pymongo.MongoClient(settings.mongo_uri) as client:
        database = client[settings.mongo_database]
        orphans = [one for one in database["labels"].find({}) if not one.get("labelled_at_us")]
        return {
            str(one["prediction_id"] or one["business_key"]) for one in (*database["labels_waiting"].find({}), *orphans)
        }


def shadow_scores(settings: Settings) -> list[tuple[str, float]]:
    """The prediction and the score of everything that the shadow stored."""
    with pymongo.MongoClient(settings.mongo_uri) as client:
        found = client[settings.mongo_database]["shadow"].find({})
        return [(one["prediction_id"], one["score"]) for one in found]
