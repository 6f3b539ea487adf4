"""Deletes what is old from the prediction store, in batches that are found in order of time.

Nothing is left that cannot be found again: a prediction goes after its entries under its business key, and the history
of labels and the shadow's scores are found by their own times, whether their predictions are there or not. A label was
attached after its prediction was made, so that an entry from before a time is of a prediction from before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import pymongo
from pymongo.collection import Collection as MongoCollection

from tabular.adapters.mongo.business_keys import forget
from tabular.adapters.mongo.connection import mongo_client, translated
from tabular.adapters.mongo.documents import Document, is_run_id, made_between, microseconds, of
from tabular.adapters.mongo.label_documents import ORPHAN, POSITION, time_digits
from tabular.ledger.entry import Kind

SCAN_SECONDS = 60.0
ID = {"_id": 1}


class MongoRetention:
    """Implements `RetentionStore`. Connects at the first call, not before; for one thread."""

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo_client(uri)
        data = self._client[database]
        self._data, self._keys, self._history = data["data"], data["business_keys"], data["labels"]
        self._scores, self._ledger = data["shadow"], data["ledger"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def count_predictions(self, table: str, before: datetime, most: int) -> int:
        """How many predictions of a table were made before then; `most` if there are more."""
        return len(self._oldest(self._data, of(table=table) | made_between(None, before), "made_at_us", most, ID))

    def delete_predictions(self, table: str, before: datetime, most: int) -> int:
        """Delete predictions made before then, each after what its business key says of it."""
        fields = {"business_key": 1}
        found = self._oldest(self._data, of(table=table) | made_between(None, before), "made_at_us", most, fields)
        gone: dict[str, set[str]] = defaultdict(set)
        for one in found:
            if one.get("business_key") is not None:
                gone[one["business_key"]].add(one["_id"])
        with translated(), pymongo.timeout(SCAN_SECONDS):
            forget(self._keys, table, gone)
        return self._delete(self._data, found)

    def delete_labels(self, table: str, before: datetime, most: int) -> int:
        """Delete what the history says of labels attached before then, and of orphans received before then."""
        digits, deleted = time_digits(microseconds(before)), 0
        for begin in (f"{ORPHAN} {table}", *self._labelled_runs(table)):
            query = {POSITION: {"$gte": f"{begin} ", "$lt": f"{begin} {digits}"}}
            deleted += self._delete(self._history, self._oldest(self._history, query, POSITION, most - deleted, ID))
            if deleted >= most:
                break
        return deleted

    def count_shadow_scores(self, table: str, before: datetime, most: int, but: Collection[str] = ()) -> int:
        """How many scores the shadow has of predictions made before then, but for those of these runs."""
        return len(self._old_scores(table, before, most, but))

    def delete_shadow_scores(self, table: str, before: datetime, most: int, but: Collection[str] = ()) -> int:
        """Delete scores that the shadow has of predictions made before then, but for those of these runs."""
        return self._delete(self._scores, self._old_scores(table, before, most, but))

    def runs(self) -> set[str]:
        """Every run that made a prediction which is stored."""
        with translated(), pymongo.timeout(SCAN_SECONDS):
            return {run_id for run_id in self._data.distinct("run_id") if is_run_id(run_id)}

    def count_entries(self, table: str, before: datetime, kinds: Collection[Kind], most: int) -> int:
        """How many entries the ledger has of these kinds from before then; `most` if there are more."""
        return len(self._old_entries(table, before, kinds, most))

    def delete_entries(self, table: str, before: datetime, kinds: Collection[Kind], most: int) -> int:
        """Delete entries of the ledger of these kinds from before then."""
        return self._delete(self._ledger, self._old_entries(table, before, kinds, most))

    def _labelled_runs(self, table: str) -> Iterator[str]:
        """Each run of the table in the history, found by leaps over its index: to read all of it would take long."""
        beyond = ""
        while True:
            with translated(), pymongo.timeout(SCAN_SECONDS):
                query = {POSITION: {"$gt": beyond}}
                found = list(self._history.find(query, {POSITION: 1, "table": 1}).sort(POSITION, 1).limit(1))
            if not found:
                return
            run_id = str(found[0][POSITION]).partition(" ")[0]
            if run_id != ORPHAN and found[0].get("table") == table:
                yield run_id
            beyond = f"{run_id}!"  # which comes after any "<run> …" and before any other run

    def _old_scores(self, table: str, before: datetime, most: int, but: Collection[str]) -> list[Document]:
        query = of(table=table) | made_between(None, before) | ({"run_id": {"$nin": sorted(but)}} if but else {})
        return self._oldest(self._scores, query, "made_at_us", most, ID)

    def _old_entries(self, table: str, before: datetime, kinds: Collection[Kind], most: int) -> list[Document]:
        query: Document = of(table=table) | {"at_us": {"$lt": microseconds(before)}, "kind": {"$in": sorted(kinds)}}
        return self._oldest(self._ledger, query, "at_us", most, ID)

    @staticmethod
    def _oldest(
        collection: MongoCollection[Document], query: Document, by: str, most: int, fields: dict[str, Any]
    ) -> list[Document]:
        if most <= 0:  # MongoDB reads 0 as no limit
            return []
        with translated(), pymongo.timeout(SCAN_SECONDS):
            return list(collection.find(query, fields).sort(by, 1).limit(most))

    @staticmethod
    def _delete(collection: MongoCollection[Document], found: list[Document]) -> int:
        if not found:
            return 0
        with translated(), pymongo.timeout(SCAN_SECONDS):
            return collection.delete_many({"_id": {"$in": [one["_id"] for one in found]}}).deleted_count
