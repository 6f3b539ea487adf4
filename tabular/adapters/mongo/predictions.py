"""The prediction store in MongoDB, or in anything that speaks its wire protocol.

Queries are plain on purpose: equality, `$in`, ranges of numbers, sort, limit, one `$group`. They run on MongoDB and on
nx-27017 alike. What a document looks like is in documents.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import pymongo
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from tabular.adapters.mongo.business_keys import BusinessKeys
from tabular.adapters.mongo.connection import DUPLICATE_KEY, mongo_client, translated
from tabular.adapters.mongo.documents import (
    EPOCH,
    LAST,
    Document,
    Reader,
    document_of,
    is_run_id,
    made_between,
    microseconds,
    minute_of,
    of,
    without_nan,
)
from tabular.adapters.mongo.indexes import indexes
from tabular.adapters.mongo.label_documents import labelled_between, labelled_latest
from tabular.ports.predictions import UNKNOWN_SOURCE
from tabular.predictions.prediction import Prediction, Source
from tabular.predictions.sampling import MAX_LEVEL, Sample, thinned

SCAN_SECONDS = 60.0
BULK_DOCUMENTS = 1_000
COUNTED = 2_000
ID = {"_id": 1}
SOURCES = get_args(Source)


class MongoPredictions:
    """Implements `PredictionStore`. Connects at the first call, not before; share one among threads, not processes.

    Raises Unavailable when the server cannot be reached or cannot write now, Rejected for a document it never takes.
    """

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo_client(uri)
        self._data = self._client[database]["data"]
        self._reports = self._client[database]["report"]
        self._labels = self._client[database]["labels"]
        self._keys = BusinessKeys(self._client[database]["business_keys"])
        self._is_indexed = False
        self._reader = Reader()

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
            self._keys.remember(predictions)
            documents = [document_of(prediction) for prediction in predictions]
            chunks = range(0, len(documents), BULK_DOCUMENTS)
            return sum(_insert_new(self._data, documents[at : at + BULK_DOCUMENTS]) for at in chunks)

    def latest(
        self, limit: int, run_id: str | None = None, until: datetime | None = None, table: str | None = None
    ) -> list[Prediction]:
        """The newest predictions, newest first; with `until`, those with made_at < until."""
        return self._find(of(run_id, table) | made_between(None, until), limit)

    def get(self, prediction_id: str) -> Prediction | None:
        """One prediction by its id; None if none is stored, or what is stored under it is none."""
        with translated():
            found = self._reader.read(self._data.find({"_id": prediction_id}).limit(1))
        return found[0] if found else None

    def runs(
        self, since: datetime | None, until: datetime, most: int, newest: int | None = None, table: str | None = None
    ) -> Counter[str]:
        """Which runs made the predictions of that time (the `newest` so many), and about how many: `most` are read."""
        query = of(table=table) | made_between(since, until)
        with translated(), pymongo.timeout(SCAN_SECONDS):
            read, probe = (partial(self._read, query, fields) for fields in ({"run_id": 1}, ID))
            found, share, _ = thinned(read, probe, most, newest)
        runs = Counter(str(document["run_id"]) for document in found if is_run_id(document.get("run_id")))
        return Counter({run_id: round(count / share) for run_id, count in runs.items()})

    def by_minute(
        self, since: datetime, until: datetime, most: int, table: str | None = None
    ) -> Counter[tuple[datetime, str]]:
        """About how many predictions each source made in each minute with since <= made_at < until: `most` are read."""
        query = of(table=table) | made_between(since, until)
        with translated(), pymongo.timeout(SCAN_SECONDS):
            read, probe = (partial(self._read, query, fields) for fields in ({"made_at_us": 1, "source": 1}, ID))
            found, share, _ = thinned(read, probe, most)
        counts = Counter((minute_of(one["made_at_us"]), one["source"]) for one in found if one.get("source") in SOURCES)
        return Counter({key: round(count / share) for key, count in counts.items()})

    def count_since(self, since: datetime, most: int, table: str | None = None) -> int:
        """How many documents have since <= made_at; `most` if there are more."""
        with translated():
            return len(list(self._data.find(of(table=table) | made_between(since, LAST), ID).limit(most)))

    def sample_latest(self, newest: int, most: int, run_id: str, until: datetime | None = None) -> Sample:
        """The `newest` so many predictions of a run (before `until`), or a uniform sample of them: at most `most`."""
        return self._sample(of(run_id) | made_between(None, until), most, newest)

    def sample_between(self, since: datetime, until: datetime, most: int, run_id: str) -> Sample:
        """The predictions of a run with since <= made_at < until, or a uniform sample of them: at most `most`."""
        return self._sample(of(run_id) | made_between(since, until), most)

    def labelled_between(self, since: datetime, until: datetime, most: int, run_id: str) -> Sample:
        """The predictions of a run with since <= labelled_at < until, the oldest label first, or a sample of them."""
        with translated(), pymongo.timeout(SCAN_SECONDS):
            return labelled_between(self._labels, self._data, self._reader, (since, until), most, run_id)

    def labelled_latest(self, newest: int, run_id: str, until: datetime | None = None) -> list[Prediction]:
        """The `newest` so many labelled predictions of a run, the newest label first (with labelled_at < until)."""
        with translated(), pymongo.timeout(SCAN_SECONDS):
            return labelled_latest(self._labels, self._data, self._reader, newest, run_id, until or LAST)

    def about_others_between(self, since: datetime, until: datetime, run_id: str, table: str | None = None) -> int:
        """How many predictions other runs made: exact up to COUNTED, else about: a count would be a scan."""
        with translated(), pymongo.timeout(SCAN_SECONDS):
            others = [other for other in self._data.distinct("run_id") if other != run_id]
            if not others:
                return 0
            query = of(table=table) | {"run_id": {"$in": others}} | made_between(since, until)
            read = partial(self._read, query, ID)
            found, share, _ = thinned(read, read, COUNTED)
            return round(len(found) / share)

    @property
    def unreadable(self) -> int:
        """How many documents were read and left out because they are no predictions; each counts once."""
        return self._reader.unreadable

    def count_by_source(self) -> dict[tuple[str, str], int]:
        """How many predictions each source has stored of each table; UNKNOWN_SOURCE counts what none of them wrote."""
        counts: dict[tuple[str, str], int] = {}
        with translated(), pymongo.timeout(SCAN_SECONDS):
            total = self._data.estimated_document_count()  # first: what is stored meanwhile is not foreign
            # One field a $group: nx-27017 takes a document of several for a constant.
            for source in SOURCES:
                stages = [{"$match": {"source": source}}, {"$group": {"_id": "$table", "count": {"$sum": 1}}}]
                found = {group["_id"]: group["count"] for group in self._data.aggregate(stages)}
                counts |= {(table, source): count for table, count in found.items() if isinstance(table, str)}
        others = total - sum(counts.values())
        return counts | ({("", UNKNOWN_SOURCE): others} if others > 0 else {})

    def save_report(self, report: Mapping[str, Any]) -> None:
        """Store one report's row, by its `_id`; its `made_at` (now, if it has none) puts it in order."""
        with translated():
            row = without_nan({"made_at": datetime.now(UTC), **report})
            row["made_at_us"] = microseconds(row["made_at"])
            self._reports.replace_one({"_id": row["_id"]}, row, upsert=True)

    def reports(self, limit: int, table: str | None = None) -> list[dict[str, Any]]:
        """The newest report rows, newest first; what has no date, or one that is yet to come, is no report."""
        with translated():
            made = of(table=table) | made_between(EPOCH, datetime.now(UTC))
            found = list(self._reports.find(made).sort("made_at_us", -1).limit(limit)) if limit > 0 else []
        rows = [{key: value for key, value in row.items() if key != "made_at_us"} for row in found]
        return [row for row in rows if isinstance(row.get("made_at"), datetime)]

    def _find(self, query: Document, limit: int) -> list[Prediction]:
        if limit <= 0:  # MongoDB reads 0 as no limit
            return []
        with translated():
            asked = limit
            while True:
                documents = self._read(query, None, 0, asked)
                found = self._reader.read(documents)
                if len(found) >= limit or len(documents) < asked:
                    return found[:limit]
                asked *= 2  # some were no predictions: look further back

    def _sample(self, query: Document, most: int, newest: int | None = None) -> Sample:
        with translated(), pymongo.timeout(SCAN_SECONDS):
            read, probe = partial(self._read, query, None), partial(self._read, query, ID)
            documents, share, is_cut = thinned(read, probe, most, newest)
            found = self._reader.read(documents)
            return Sample(found, share, is_cut, left_out=len(documents) - len(found))

    def _read(self, query: Document, fields: Document | None, level: int, limit: int) -> list[Document]:
        # $in rather than a range: MongoDB then merges the levels in order of time, and stops at the limit.
        thinner = {"level": {"$in": list(range(level, MAX_LEVEL + 1))}} if level else {}
        return list(self._data.find(query | thinner, fields).sort("made_at_us", -1).limit(limit))

    def _ensure_indexes(self) -> None:
        # Who only reads, with a login that may do no more, leaves this to those who write.
        if self._is_indexed:
            return
        self._data.create_indexes([pymongo.IndexModel(keys) for keys in indexes(self._client.server_info())])
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
