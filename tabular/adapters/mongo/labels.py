"""Labels in MongoDB, beside the predictions.

What is decided is in predictions/attaching.py, what a document looks like in label_documents.py.

    labels           the history, append-only: each label as it was attached, in order of run and time; and orphans
    labels_waiting   what has no prediction yet
    data             a prediction's own document holds the label that stands: `label`, `labelled_at`

The history is written before the prediction: a death between the two leaves an entry that the prediction does not
confirm by its `labelled_at_us`, which no reader counts, and the label is attached again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo

from tabular.adapters.mongo.business_keys import BusinessKeys, insert_new
from tabular.adapters.mongo.connection import STORE, mongo_client, translated
from tabular.adapters.mongo.documents import label_fields, microseconds
from tabular.adapters.mongo.label_documents import (
    POSITION,
    change_entry,
    label_of_waiting,
    orphan_entry,
    standing_of,
    waiting_document,
)
from tabular.errors import Unavailable
from tabular.ports.labels import Attached, LabelCounts
from tabular.predictions.attaching import Change, Plan, Result, plan
from tabular.predictions.label import Label, LabelSource

BULK_LABELS = 500  # of documents that nx-27017 may sync one by one, within the time of one answer
MOST_WAITING = 100_000
LONGEST_WAIT = timedelta(days=7)
ATTEMPTS = 3
RETRY_AFTER_SECONDS = 1.0
DAY_US = 86_400_000_000
DEFAULT_WINDOW_US = 30 * DAY_US  # of a table that the stack no longer has: that of a contract which names none
_STANDING = {"table": 1, "run_id": 1, "label": 1, "label_exact": 1, "label_received_at_us": 1}


class MongoLabels:
    """Implements `LabelWriter`. `windows_days` says by table how long before its label a prediction may be.

    Connects at the first call, not before; for one thread.
    """

    def __init__(self, uri: str, database: str, windows_days: Mapping[str, float]) -> None:
        self._client = mongo_client(uri)
        data = self._client[database]
        self._data, self._history, self._waiting = data["data"], data["labels"], data["labels_waiting"]
        self._keys = BusinessKeys(data["business_keys"])
        self._windows_us = {table: round(days * DAY_US) for table, days in windows_days.items()}
        self._tried_up_to = ""
        self._is_indexed = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def save(self, labels: Sequence[Label]) -> LabelCounts:
        """Attach labels to their predictions, in bulks; what has none waits. Doing it again changes nothing."""
        counts = LabelCounts()
        for begin in range(0, len(labels), BULK_LABELS):
            bulk = labels[begin : begin + BULK_LABELS]
            with translated():
                self._ensure_indexes()
                results = self._attach(bulk)
                self._wait(bulk, results)
            counts = counts.plus(_counted(results.values()))
        return counts

    def attach_waiting(self, now: datetime) -> Attached:
        """Try the next labels that wait, BULK_LABELS of them, and give up those that have waited for too long."""
        with translated():
            query = {POSITION: {"$gt": self._tried_up_to}}
            documents = list(self._waiting.find(query).sort(POSITION, 1).limit(BULK_LABELS))
            self._tried_up_to = documents[-1][POSITION] if len(documents) == BULK_LABELS else ""
            read = [(document, label) for document in documents if (label := label_of_waiting(document)) is not None]
            documents, labels = [document for document, _ in read], [label for _, label in read]
            results = self._attach(labels)
            for at, label in enumerate(labels):
                if results[at] == "waiting" and now - label.received_at > LONGEST_WAIT:
                    results[at] = "orphans"
            insert_new(self._history, [orphan_entry(labels[at]) for at in results if results[at] == "orphans"])
            self._forget([documents[at]["_id"] for at in results if results[at] != "waiting"])
        return _by_origin(labels, results)

    def count_waiting(self) -> int:
        """How many labels wait for their prediction, of all tables."""
        with translated():
            return self._waiting.estimated_document_count()

    def _attach(self, labels: Sequence[Label]) -> dict[int, Result]:
        """Attach what has a prediction; what each label did, by its position."""
        results: dict[int, Result] = {}
        for _ in range(ATTEMPTS):
            planned = self._plan(labels)
            results = {**planned.results, **results}  # what the first attempt did is repeated by the second
            if self._write(planned.changes):
                return results
        raise Unavailable(STORE, "labels of the same predictions come from elsewhere", RETRY_AFTER_SECONDS)

    def _plan(self, labels: Sequence[Label]) -> Plan:
        targets = self._targets(labels)
        ids = list({known for found in targets for known in found})
        documents = self._data.find({"_id": {"$in": ids}}, _STANDING) if ids else ()
        tables = {known: label.table for label, found in zip(labels, targets, strict=True) for known in found}
        stored = {one["_id"]: standing_of(one) for one in documents if one.get("table") == tables[one["_id"]]}
        times = [microseconds(label.received_at) for label in labels]
        return plan(list(zip(labels, times, targets, strict=True)), stored)

    def _targets(self, labels: Sequence[Label]) -> list[Sequence[str]]:
        """For each label the ids it goes to, the newest first; whether they are stored is another matter."""
        keys: dict[str, set[str]] = defaultdict(set)
        for label in labels:
            if label.business_key is not None:
                keys[label.table].add(label.business_key)
        known = {table: self._keys.predictions(table, sorted(found)) for table, found in keys.items()}
        return [
            (label.prediction_id,)
            if label.prediction_id is not None
            else [
                one.prediction_id
                for one in known[label.table].get(label.business_key or "", ())
                if self._is_answered(label, one.asked_at_us)
            ]
            for label in labels
        ]

    def _is_answered(self, label: Label, asked_at_us: int) -> bool:
        since_us = microseconds(label.known_at) - self._windows_us.get(label.table, DEFAULT_WINDOW_US)
        return since_us <= asked_at_us <= microseconds(label.known_by)

    def _write(self, changes: Sequence[Change]) -> bool:
        """Write history and predictions; False if another writer was faster at one of them."""
        if not changes:
            return True
        labelled_at = datetime.fromtimestamp(time.time(), UTC)
        insert_new(self._history, [change_entry(change, labelled_at) for change in changes])
        updates = [_update(change, labelled_at) for change in changes]
        return self._data.bulk_write(updates).matched_count == len(changes)

    def _wait(self, labels: Sequence[Label], results: dict[int, Result]) -> None:
        """Have those with no prediction wait, as long as there is room; the others become orphans."""
        new = [at for at in results if results[at] == "waiting"]
        if not new:
            return
        room = max(MOST_WAITING - self._waiting.estimated_document_count(), 0)
        insert_new(self._waiting, [waiting_document(labels[at]) for at in new[:room]])
        insert_new(self._history, [orphan_entry(labels[at]) for at in new[room:]])
        results.update(dict.fromkeys(new[room:], "orphans"))

    def _ensure_indexes(self) -> None:
        if not self._is_indexed:
            for collection in (self._history, self._waiting):
                collection.create_index([(POSITION, 1)])
            self._is_indexed = True

    def _forget(self, ids: list[str]) -> None:
        if ids:
            self._waiting.delete_many({"_id": {"$in": ids}})


def _update(change: Change, labelled_at: datetime) -> pymongo.UpdateOne:
    # Only while the prediction has what was decided upon: None is met by a document without the field.
    seen = {"_id": change.before.prediction_id, "label_received_at_us": change.before.received_at_us}
    fields: dict[str, Any] = {
        **label_fields(change.label.outcome),
        "label_received_at_us": change.received_at_us,
        "labelled_at": labelled_at,
        "labelled_at_us": microseconds(labelled_at),
    }
    return pymongo.UpdateOne(seen, {"$set": fields})


def _counted(results: Any) -> LabelCounts:
    found = list(results)
    return LabelCounts(*(found.count(name) for name in LabelCounts._fields))


def _by_origin(labels: Sequence[Label], results: Mapping[int, Result]) -> Attached:
    found: dict[tuple[str, LabelSource], list[Result]] = defaultdict(list)
    for at, label in enumerate(labels):
        found[label.table, label.source].append(results[at])
    return {origin: _counted(named) for origin, named in found.items()}
