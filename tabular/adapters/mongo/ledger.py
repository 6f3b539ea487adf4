"""The ledger in MongoDB: a document an entry, inserted once and never changed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from tabular.adapters.mongo.connection import mongo_client, translated
from tabular.adapters.mongo.documents import EPOCH, NO_PREDICTION, Document, microseconds, of, without_nan
from tabular.errors import Rejected
from tabular.ledger.entry import Kind, LedgerEntry
from tabular.ports.ledger import ENTRIES_SHOWN

log = logging.getLogger(__name__)


class MongoLedger:
    """Implements `Ledger`. Connects at the first call, not before. Its login needs to insert, and no more."""

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo_client(uri)
        self._entries = self._client[database]["ledger"]
        self._is_indexed = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def append(self, entry: LedgerEntry) -> bool:
        """Add an entry; False if one of its id stands already, and is kept. Raises Rejected for one that is none."""
        document = _document(entry)
        with translated():
            if not self._is_indexed:
                self._entries.create_index([("at_us", -1)])
                self._is_indexed = True
            try:
                self._entries.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    def entries(
        self,
        table: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Collection[Kind] = (),
        limit: int = ENTRIES_SHOWN,
    ) -> list[LedgerEntry]:
        """The newest entries, newest first: of one table or all, since <= at < until, of these kinds or of any."""
        limits = {name: microseconds(at) for name, at in (("$gte", since), ("$lt", until)) if at is not None}
        query = of(table=table) | ({"at_us": limits} if limits else {})
        query |= {"kind": {"$in": sorted(kinds)}} if kinds else {}
        if limit <= 0:  # MongoDB reads 0 as no limit
            return []
        with translated():
            documents = list(self._entries.find(query).sort("at_us", -1).limit(limit))
        return [entry for document in documents if (entry := _entry(document)) is not None]


def _document(entry: LedgerEntry) -> Document:
    document: dict[str, Any] = without_nan(msgspec.to_builtins(entry, builtin_types=(datetime,)))
    try:  # what could not be read again is found here, and not in a year
        msgspec.convert(document, LedgerEntry)
    except msgspec.ValidationError as error:
        raise Rejected(f"this is no entry of the ledger: {error}") from None
    document["_id"] = document.pop("id")
    return document | {"at_us": microseconds(entry.at)}


def _entry(document: Document) -> LedgerEntry | None:
    try:
        at = EPOCH + timedelta(microseconds=document["at_us"])
        return msgspec.convert({**document, "id": document["_id"], "at": at}, LedgerEntry)
    except NO_PREDICTION as error:
        log.warning("the document %.80r is no entry of the ledger: left out: %s", document.get("_id"), error)
        return None
