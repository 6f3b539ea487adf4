"""The shadow's scores and progress in MongoDB, beside the predictions that it reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pymongo
from pymongo.errors import BulkWriteError

from tabular.adapters.mongo.connection import DUPLICATE_KEY, mongo_client, translated
from tabular.adapters.mongo.documents import (
    EPOCH,
    NO_PREDICTION,
    Document,
    Reader,
    made_between,
    microseconds,
    of,
    with_nan,
    without_nan,
)
from tabular.adapters.mongo.indexes import NEWEST, is_mongodb
from tabular.ports.shadow import NextPredictions
from tabular.shadow.score import ShadowProgress, ShadowScore

TIMES = ("since", "position", "read_again")
MICROSECOND = timedelta(microseconds=1)
IDS_A_QUERY = 1_000


class MongoShadow:
    """Implements `ShadowStore`. Connects at the first call, not before."""

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo_client(uri)
        self._data = self._client[database]["data"]
        self._scores = self._client[database]["shadow"]
        self._progress = self._client[database]["shadow_progress"]
        self._reader = Reader()
        self._is_indexed = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def predictions(self, table: str, since: datetime, until: datetime, about: int) -> NextPredictions:
        """The oldest predictions with since <= made_at < until, `about` so many: all of one time come together."""
        query = of(table=table) | made_between(since, until)
        with translated():
            while True:
                found = list(self._data.find(query).sort("made_at_us", 1).limit(about))
                if len(found) < about:
                    return NextPredictions(self._reader.read(found), until)
                if (last := found[-1]["made_at_us"]) != found[0]["made_at_us"]:
                    # Of the last time there may be more: the next reading begins with it.
                    whole = [document for document in found if document["made_at_us"] != last]
                    return NextPredictions(self._reader.read(whole), EPOCH + last * MICROSECOND)
                about *= 2  # a whole batch of one time

    def save(self, scores: Sequence[ShadowScore]) -> int:
        """Store the scores that are not there yet, one a prediction and run; returns how many were new."""
        if not scores:
            return 0
        with translated():
            self._ensure_index()
            try:
                return len(self._scores.insert_many([_document(score) for score in scores], ordered=False).inserted_ids)
            except BulkWriteError as error:
                if any(fault["code"] != DUPLICATE_KEY for fault in error.details["writeErrors"]):
                    raise
                return int(error.details["nInserted"])

    def scores(self, run_id: str, prediction_ids: Collection[str]) -> dict[str, ShadowScore]:
        """The scores that a run has of these predictions, by the prediction's id."""
        ids = [_id(run_id, prediction_id) for prediction_id in prediction_ids]
        found: list[Document] = []
        with translated():
            for at in range(0, len(ids), IDS_A_QUERY):
                found += self._scores.find({"_id": {"$in": ids[at : at + IDS_A_QUERY]}})
        read = (score for document in found if (score := _score(document)) is not None)
        return {score.prediction_id: score for score in read}

    def progress(self, table: str, run_id: str) -> ShadowProgress | None:
        """How far a run has come; None if it was never in the shadow."""
        with translated():
            found = self._progress.find_one({"_id": _id(table, run_id)})
        if found is None:
            return None
        times = {name: EPOCH + found[f"{name}_us"] * MICROSECOND for name in TIMES}
        return msgspec.convert({**found, **times}, ShadowProgress)

    def save_progress(self, progress: ShadowProgress) -> None:
        """Store how far a run has come, in place of what was stored before."""
        document: dict[str, Any] = msgspec.to_builtins(progress, builtin_types=(datetime,))
        document["_id"] = _id(progress.table, progress.run_id)
        document |= {f"{name}_us": microseconds(getattr(progress, name)) for name in TIMES}
        with translated():
            self._progress.replace_one({"_id": document["_id"]}, document, upsert=True)

    def _ensure_index(self) -> None:
        # For people: the scores of a run in order of time. The service finds scores by `_id`.
        if not self._is_indexed:
            first = [("run_id", 1)] if is_mongodb(self._client.server_info()) else []
            self._scores.create_indexes([pymongo.IndexModel([*first, NEWEST])])
            self._is_indexed = True


def _id(*parts: str) -> str:
    return " ".join(parts)


def _document(score: ShadowScore) -> Document:
    document: Document = msgspec.to_builtins(score, builtin_types=(datetime,))
    times = {f"{name}_us": microseconds(getattr(score, name)) for name in ("made_at", "scored_at")}
    return without_nan({"_id": _id(score.run_id, score.prediction_id), **document, **times})  # type: ignore[no-any-return]


def _score(document: Document) -> ShadowScore | None:
    try:
        times = {name: EPOCH + document[f"{name}_us"] * MICROSECOND for name in ("made_at", "scored_at")}
        return msgspec.convert({**with_nan(document), **times}, ShadowScore)
    except NO_PREDICTION:
        return None  # it is scored again, and that is not stored: the first one stands
