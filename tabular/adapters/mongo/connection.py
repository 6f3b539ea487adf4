"""A connection to MongoDB, or to anything that speaks its wire protocol, and its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs

import pymongo
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ConfigurationError, DocumentTooLarge, OperationFailure, PyMongoError

from tabular.adapters.mongo.documents import Document
from tabular.errors import InvalidSetting, Rejected, TabularError, Unavailable

STORE = "the prediction store"
SELECT_SECONDS = 2.0
SOCKET_SECONDS = 10.0
RETRY_AFTER_SECONDS = 2.0
DUPLICATE_KEY = 11000
# The codes by which a server refuses a document for good. Any other failure may pass, so it is Unavailable:
# what is retried too often can be seen, what is dropped too early is lost.
REFUSED_CODES = frozenset({2, 9, 14, 22, 52, 57, 59, 121, 10334, 17280, 17419, 17420})


def mongo_client(uri: str) -> pymongo.MongoClient[Document]:
    """A client with short timeouts that connects at its first call.

    A write it acknowledges is on disk, unless the address says with `w` or `journal` what an acknowledgement means.
    Raises InvalidSetting for an address that is none.
    """
    said = {name.lower() for name in parse_qs(uri.partition("?")[2])}
    # MongoDB keeps its journal in memory for a while: without this, a server that is killed loses what it took.
    journal: dict[str, Any] = {} if said & {"w", "journal"} else {"journal": True}
    try:
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
    except (ValueError, ConfigurationError, OSError) as error:  # the last: a file of certificates that is not there
        raise InvalidSetting(f"MONGO_URI cannot be used: {error}") from None


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
