"""The prediction store in MongoDB, or in anything that speaks its wire protocol.

Queries are plain on purpose: equality, ranges of numbers, sort, limit, one `$group`. They run on MongoDB and on
nx-27017 alike. A document holds its time twice: `made_at`, a date for people and their tools, and `made_at_us`,
microseconds since 1970, by which windows are cut: a BSON date keeps milliseconds, and nx-27017 compares whole seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pymongo
from bson.errors import BSONError
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError

from tabular.errors import Rejected, TabularError, Unavailable
from tabular.prediction import Prediction

Document = dict[str, Any]

STORE = "the prediction store"
SELECT_SECONDS = 2.0
SOCKET_SECONDS = 10.0
RETRY_AFTER_SECONDS = 2.0
BULK_DOCUMENTS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DUPLICATE_KEY = 11000
# The codes by which a server refuses a document for good. Any other failure may pass, so it is Unavailable:
# what is retried too often can be seen, what is dropped too early is lost.
REFUSED_CODES = frozenset({2, 9, 14, 22, 52, 57, 59, 121, 10334, 17280, 17419, 17420})


def mongo_client(uri: str) -> pymongo.MongoClient[Document]:
    """A client with short timeouts that connects at its first call.

    A write it acknowledges is on disk, unless the address says with `w` or `journal` what an acknowledgement means.
    """
    said = {name.lower() for name in parse_qs(urlsplit(uri).query)}
    # MongoDB keeps its journal in memory for a while: without this, a server that is killed loses what it took.
    journal: dict[str, Any] = {} if said & {"w", "journal"} else {"journal": True}
    return pymongo.MongoClient(
        uri,
        tz_aware=True,
        tzinfo=UTC,
        **journal,
        connect=False,
        serverSelectionTimeoutMS=int(SELECT_SECONDS * 1_000),
        connectTimeoutMS=int(SELECT_SECONDS * 1_000),
        socketTimeoutMS=int(SOCKET_SECONDS * 1_000),
    )


class MongoPredictions:
    """Implements `ports.Predictions`. Connects at the first call, not before; share one among threads, not processes.

    Raises Unavailable when the server cannot be reached or cannot write now, Rejected for a document it never takes.
    """

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo_client(uri)
        self._data = self._client[database]["data"]
        self._reports = self._client[database]["report"]
        self._is_indexed = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ping(self) -> None:
        """Return if the store answers now; raises Unavailable."""
        with translated():
            self._client.admin.command("ping")

    def save(self, predictions: Sequence[Prediction]) -> int:
        """Store what is not there yet, in unordered bulks; returns how many were new.

        After Rejected some of the others may be stored: saving them again changes nothing.
        """
        with translated():
            self._ensure_indexes()
            documents = [_document(prediction) for prediction in predictions]
            chunks = range(0, len(documents), BULK_DOCUMENTS)
            return sum(_insert_new(self._data, documents[at : at + BULK_DOCUMENTS]) for at in chunks)

    def latest(self, limit: int, run_id: str | None = None) -> list[Prediction]:
        """The newest predictions, newest first."""
        return self._find({} if run_id is None else {"run_id": run_id}, limit)

    def between(self, since: datetime, until: datetime, limit: int) -> list[Prediction]:
        """The predictions with since <= made_at < until, newest first, at most `limit`; a naive time is UTC."""
        return self._find({"made_at_us": {"$gte": _microseconds(since), "$lt": _microseconds(until)}}, limit)

    def count_by_door(self) -> dict[str, int]:
        """How many predictions each door has stored in all."""
        with translated():
            groups = self._data.aggregate([{"$group": {"_id": "$door", "count": {"$sum": 1}}}])
            return {group["_id"]: group["count"] for group in groups}

    def save_report(self, report: Mapping[str, Any]) -> None:
        """Store one report's row, by its `_id`; its `made_at` (now, if it has none) puts it in order."""
        with translated():
            row = _without_nan({"made_at": datetime.now(UTC), **report})
            row["made_at_us"] = _microseconds(row["made_at"])
            self._reports.replace_one({"_id": row["_id"]}, row, upsert=True)

    def reports(self, limit: int) -> list[dict[str, Any]]:
        """The newest report rows, newest first."""
        with translated():
            found = list(self._reports.find({}).sort("made_at_us", -1).limit(limit)) if limit > 0 else []
        return [{key: value for key, value in row.items() if key != "made_at_us"} for row in found]

    def set_labels(self, labels: Iterable[tuple[str, str | float]]) -> int:
        """Attach true outcomes to stored predictions, by id; returns how many were found."""
        updates = [pymongo.UpdateOne({"_id": known}, {"$set": {"label": label}}) for known, label in labels]
        with translated():
            return self._data.bulk_write(updates, ordered=False).matched_count if updates else 0

    def _find(self, query: Document, limit: int) -> list[Prediction]:
        if limit <= 0:  # MongoDB reads 0 as no limit
            return []
        with translated():
            self._ensure_indexes()
            found = self._data.find(query).sort("made_at_us", -1).limit(limit)
            return [_prediction(document) for document in found]

    def _ensure_indexes(self) -> None:
        if self._is_indexed:
            return
        # No tie-break on _id: nx-27017 refuses every write to a collection with _id in a compound index.
        newest = ("made_at_us", -1)
        self._data.create_indexes([pymongo.IndexModel([newest]), pymongo.IndexModel([("run_id", 1), newest])])
        self._is_indexed = True


def _insert_new(data: Collection[Document], documents: list[Document]) -> int:
    try:
        return len(data.insert_many(documents, ordered=False).inserted_ids)
    except BulkWriteError as error:
        details = error.details
        others = [fault for fault in details["writeErrors"] if fault["code"] != DUPLICATE_KEY]
        if others or details["writeConcernErrors"]:
            raise
        return int(details["nInserted"])


def _document(prediction: Prediction) -> Document:
    document: Document = msgspec.to_builtins(prediction, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    document["made_at_us"] = _microseconds(prediction.made_at)
    for part in (document, document["row"], document["chances"] or {}):
        for name, value in part.items():
            if value != value:  # noqa: PLR0124 - NaN, which not every server of the protocol can store
                part[name] = None
    return document


def _prediction(document: Document) -> Prediction:
    fields = dict(document)
    fields["id"] = fields.pop("_id")
    fields["made_at"] = EPOCH + timedelta(microseconds=fields.pop("made_at_us"))
    for name in ("unseen", "out_of_range", "warnings"):
        fields[name] = tuple(fields[name])
    if fields["score"] is None:
        fields["score"] = math.nan
    return Prediction(**fields)


def _microseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def _without_nan(value: Any) -> Any:
    """A report with null for NaN, and lists for tuples: what every server of the protocol can store."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return value


@contextmanager
def translated() -> Iterator[None]:
    """Raise pymongo's errors as ours."""
    try:
        yield
    except (BSONError, DocumentTooLarge, OverflowError, UnicodeEncodeError) as error:
        raise Rejected(f"the prediction store cannot hold the document: {error}") from error
    except PyMongoError as error:
        raise _ours(error) from error


def _ours(error: PyMongoError) -> TabularError:
    # Never the error's own text: of a bulk it quotes every document, of a lost server the whole topology.
    if isinstance(error, BulkWriteError):
        faults = [fault for fault in error.details["writeErrors"] if fault["code"] != DUPLICATE_KEY]
        if faults and all(fault["code"] in REFUSED_CODES for fault in faults):
            return Rejected(f"the prediction store refuses a document: {faults[0]['errmsg']}")
        first = (faults or error.details["writeConcernErrors"])[0]
        return Unavailable(STORE, f"{first['errmsg']} (code {first['code']})", RETRY_AFTER_SECONDS)
    if isinstance(error, OperationFailure) and error.code in REFUSED_CODES:
        return Rejected(f"the prediction store refuses the document: {error}")
    return Unavailable(STORE, str(error).partition(" (configured timeouts")[0], RETRY_AFTER_SECONDS)
