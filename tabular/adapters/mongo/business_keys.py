"""Which predictions a business key has: a document a key, found by `_id`, beside the predictions.

An index on the predictions would do on MongoDB. By it nx-27017 answers for one key a query, and every prediction would
pay for it; here a thousand keys are one query, and a prediction without a key costs nothing.

A document holds a text for each prediction, its time and its id: nx-27017 makes a text of an object that is pushed. The
time is when it was asked for: a record may wait in the stream, and its outcome come before its prediction is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import pymongo
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from tabular.adapters.mongo.connection import DUPLICATE_KEY
from tabular.adapters.mongo.documents import Document, microseconds
from tabular.predictions.prediction import Prediction

MAX_PREDICTIONS_A_KEY = 100
"""Of how many predictions of one key is known whose they are: the last stored. A key of millions, such as "unknown",
would make each of its writes as long."""


class KeyedPrediction(NamedTuple):
    """A prediction of a key, and when it was asked for, in microseconds since 1970."""

    prediction_id: str
    asked_at_us: int


class BusinessKeys:
    """The collection `business_keys`. Raises what pymongo raises."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._keys = collection

    def remember(self, predictions: Iterable[Prediction]) -> None:
        """Note the predictions that have a key, before they are stored; doing it again changes nothing that matters."""
        found: dict[str, list[str]] = defaultdict(list)
        for one in predictions:
            if one.business_key is not None:
                found[_id(one.table, one.business_key)].append(f"{microseconds(one.asked_at or one.made_at)} {one.id}")
        if found:
            self._add(found)

    def predictions(self, table: str, keys: Sequence[str]) -> dict[str, list[KeyedPrediction]]:
        """By key the predictions that it has, the newest first; what is known of none is absent."""
        documents = self._keys.find({"_id": {"$in": [_id(table, key) for key in keys]}}) if keys else ()
        return {document["_id"].partition(" ")[2]: sorted(_entries(document), key=_newest) for document in documents}

    def _add(self, found: dict[str, list[str]]) -> None:
        # Most keys are new or come seldom: an insert costs a third of an update.
        documents = [
            {"_id": known, "predictions": entries[-MAX_PREDICTIONS_A_KEY:]} for known, entries in found.items()
        ]
        there = insert_new(self._keys, documents)
        updates = [
            pymongo.UpdateOne(
                {"_id": known}, {"$push": {"predictions": {"$each": found[known], "$slice": -MAX_PREDICTIONS_A_KEY}}}
            )
            for known in there
        ]
        if updates:
            self._keys.bulk_write(updates, ordered=False)


def insert_new(collection: Collection[Document], documents: list[Document]) -> list[str]:
    """Insert what is not there yet; returns the ids of those that are. Raises BulkWriteError for any other fault."""
    try:
        if documents:
            collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        faults = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or any(fault["code"] != DUPLICATE_KEY for fault in faults):
            raise
        return [documents[fault["index"]]["_id"] for fault in faults]
    return []


def forget(collection: Collection[Document], table: str, gone: Mapping[str, Set[str]]) -> None:
    """Take the predictions of these ids from their keys; a key that has none left goes, too."""
    ids = {_id(table, key): predictions for key, predictions in gone.items()}
    documents = collection.find({"_id": {"$in": list(ids)}}) if ids else ()
    updates = [
        pymongo.UpdateOne({"_id": document["_id"]}, {"$pull": {"predictions": entry}})
        for document in documents
        for entry in document["predictions"]
        if entry.partition(" ")[2] in ids[document["_id"]]
    ]
    if updates:
        collection.bulk_write(
            [*updates, *(pymongo.DeleteOne({"_id": known, "predictions": {"$size": 0}}) for known in ids)]
        )


def _entries(document: Document) -> Iterator[KeyedPrediction]:
    """The entries, each once: a retry notes a prediction again."""
    for entry in dict.fromkeys(document["predictions"]):
        asked_at_us, _, prediction_id = entry.partition(" ")
        yield KeyedPrediction(prediction_id, int(asked_at_us))


def _newest(entry: KeyedPrediction) -> int:
    return -entry.asked_at_us


def _id(table: str, key: str) -> str:
    # A table's name holds no space (contract/validation.py), so that no two pairs give one id.
    return f"{table} {key}"
