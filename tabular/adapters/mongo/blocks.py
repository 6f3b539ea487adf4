"""The blocks of every run in MongoDB, beside the predictions: a document a block, found by run and time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic

import msgspec

from tabular.adapters.mongo.connection import mongo_client, translated
from tabular.adapters.mongo.documents import EPOCH, NO_PREDICTION, Document, microseconds
from tabular.ports.blocks import AnyBlock
from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock

log = logging.getLogger(__name__)

COLLECTIONS: Mapping[type[Block | LossBlock], str] = {Block: "blocks", LossBlock: "loss_blocks"}


class MongoBlocks(Generic[AnyBlock]):
    """Implements `BlockStore` of one type of blocks. Connects at the first call, not before."""

    def __init__(self, uri: str, database: str, kind: type[AnyBlock]) -> None:
        self._kind: type[Any] = kind
        self._client = mongo_client(uri)
        self._blocks = self._client[database][COLLECTIONS[kind]]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def save(self, block: AnyBlock) -> None:
        """Store a block; one of the same run and beginning is replaced."""
        document = _document(block)
        with translated():
            self._blocks.replace_one({"_id": document["_id"]}, document, upsert=True)

    def blocks(self, run_id: str, since: datetime) -> list[AnyBlock]:
        """The blocks of a run that begin at `since` or later, in order of time; what is no block is left out."""
        query = {"run_id": run_id, "since_us": {"$gte": microseconds(since)}}
        with translated():
            documents = list(self._blocks.find(query).sort("since_us", 1))
        return self._read(documents)

    def of_table(self, table: str, ended_since: datetime, most: int) -> list[AnyBlock]:
        """The blocks of all runs of a table that ended at `ended_since` or later, first those that ended first."""
        query = {"table": table, "until_us": {"$gte": microseconds(ended_since)}}
        with translated():
            documents = list(self._blocks.find(query).sort("until_us", 1).limit(most))
        return self._read(documents)

    def _read(self, documents: Iterable[Document]) -> list[AnyBlock]:
        return [block for document in documents if (block := self._block(document)) is not None]

    def _block(self, document: Document) -> AnyBlock | None:
        try:
            times = {name: EPOCH + timedelta(microseconds=document[f"{name}_us"]) for name in ("since", "until")}
            block: AnyBlock = msgspec.convert({**document, **times}, self._kind)
        except NO_PREDICTION as error:
            log.warning("the document %.80r is no block: left out: %s", document.get("_id"), error)
            return None
        return block


def _document(block: Block | LossBlock) -> Document:
    document: dict[str, Any] = msgspec.to_builtins(block, builtin_types=(datetime,))
    times = {f"{name}_us": microseconds(getattr(block, name)) for name in ("since", "until")}
    return {"_id": f"{block.run_id} {times['since_us']}", **document, **times}
