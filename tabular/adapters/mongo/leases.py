"""Leases and positions of a stream's shards, in the store: one document a shard, changed by conditional writes alone.

A position lies in the document of its lease, so that one write both asks whether the lease is held and saves. MongoDB
changes one document atomically; nx-27017 runs one command of a database at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from tabular.adapters.mongo.connection import mongo_client, translated
from tabular.adapters.mongo.documents import Document
from tabular.errors import Unavailable
from tabular.ports.streams import Lease

NOT_POSITION = ("_id", "owner", "fencing_token")


class MongoLeases:
    """Implements `LeaseStore` for one table; connects at the first call. Threads may share it. Raises Unavailable.

    Of a stream that the consumers of two tables read, each table has leases and positions of its own. A table that
    reads a shard for the first time begins where the last of the others is: what came before was sent to those.
    """

    def __init__(self, uri: str, database: str, table: str) -> None:
        self._client = mongo_client(uri)
        self._table = table
        self._checkpoints = self._client[database]["checkpoints"]
        self._consumers = self._client[database]["consumers"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def heartbeat(self, stream: str, name: str) -> None:
        """Write down that the consumer is alive: any number that differs from the last."""
        with translated():
            heartbeat = {"heartbeat": time.time_ns(), "heartbeat_at": datetime.now(UTC)}
            self._consumers.update_one({"_id": self._id(stream, name)}, {"$set": heartbeat}, upsert=True)

    def heartbeats(self, stream: str) -> dict[str, int]:
        """The last heartbeat of every consumer that has not left, by its name."""
        with translated():
            return {self._name(stream, one): one["heartbeat"] for one in self._consumers.find(self._of(stream))}

    def leave(self, stream: str, name: str, heartbeat: int | None = None) -> None:
        """Forget a consumer, if its last heartbeat is this one still or none is given."""
        with translated():
            last = {} if heartbeat is None else {"heartbeat": heartbeat}
            self._consumers.delete_one({"_id": self._id(stream, name)} | last)

    def leases(self, stream: str) -> dict[str, Lease]:
        """Every lease, by shard."""
        with translated():
            return {self._name(stream, one): _lease(one) for one in self._checkpoints.find(self._of(stream))}

    def acquire(self, stream: str, shard: str, seen: Lease | None, owner: str) -> Lease | None:
        """Make it the owner's, under a new token, if it is still as it was seen; None if it is not."""
        if seen is None:
            return self._create(stream, shard, owner)
        with translated():
            found = self._checkpoints.find_one_and_update(
                # A checkpoint from before there were leases has no token: null finds it too.
                {"_id": self._id(stream, shard), "owner": seen.owner, "fencing_token": seen.fencing_token or None},
                {"$set": {"owner": owner, "fencing_token": seen.fencing_token + 1}},
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else _lease(found)

    def release(self, stream: str, shard: str, owner: str, token: int) -> None:
        """Give it up, if it is still held."""
        with translated():
            self._checkpoints.update_one(self._held(stream, shard, owner, token), {"$set": {"owner": None}})

    def save_positions(
        self, stream: str, owner: str, tokens: Mapping[str, int], positions: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        """Save the position of each shard that the owner still holds under that token; returns these shards."""
        saved_at = datetime.now(UTC)
        kept = set()
        with translated():
            for shard, token in tokens.items():
                held = self._held(stream, shard, owner, token)
                # The whole document: nx-27017's $set makes a number of a boolean.
                found = self._checkpoints.replace_one(held, {**held, **positions[shard], "saved_at": saved_at})
                if found.matched_count:
                    kept.add(shard)
        return kept

    def _create(self, stream: str, shard: str, owner: str) -> Lease | None:
        held = self._held(stream, shard, owner, 1)
        try:
            with translated():
                document = held | self._reached_by_others(stream, shard)
                self._checkpoints.insert_one(document)
        except Unavailable as error:
            if isinstance(error.__cause__, DuplicateKeyError):
                return None
            raise
        return _lease(document)

    def _reached_by_others(self, stream: str, shard: str) -> Document:
        """The position that another table saved last; none if no other has read the shard."""
        saved = [one for one in self._checkpoints.find() if one.get("saved_at") is not None]
        others = [one for one in saved if str(one["_id"]).partition("/")[2] == f"{stream}/{shard}"]
        last = max(others, key=lambda one: str(one["saved_at"]), default={})
        return {key: value for key, value in last.items() if key not in NOT_POSITION}

    def _id(self, stream: str, name: str) -> str:
        return f"{self._table}/{stream}/{name}"

    def _of(self, stream: str) -> Document:
        """Every id that begins with table, stream and a slash; "0" comes after "/"."""
        return {"_id": {"$gte": self._id(stream, ""), "$lt": f"{self._table}/{stream}0"}}

    def _name(self, stream: str, document: Document) -> str:
        return str(document["_id"]).removeprefix(self._id(stream, ""))

    def _held(self, stream: str, shard: str, owner: str, token: int) -> Document:
        return {"_id": self._id(stream, shard), "owner": owner, "fencing_token": token}


def _lease(document: Document) -> Lease:
    position = {key: value for key, value in document.items() if key not in NOT_POSITION}
    return Lease(document.get("owner"), document.get("fencing_token") or 0, position or None)
