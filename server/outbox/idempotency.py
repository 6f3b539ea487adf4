"""Responses that are kept by their Idempotency-Key, so that a retry gets the one that was given. A table of the outbox.

Its key counts the bytes up to and including a response, so that what all of them take is the difference of two keys.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tabular.predictions.prediction import Prediction

KEPT_SECONDS = 86_400.0
SHARE_OF_OUTBOX = 4
"""They take at most one in so many bytes of the outbox; beyond it the oldest go before their time."""
ROW_BYTES = 200
SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    end_bytes INTEGER PRIMARY KEY,
    kept_at REAL NOT NULL,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""
_FIND = "SELECT id, digest, crc, body FROM responses WHERE id = ? AND kept_at > ?"
_KEEP = (
    "INSERT OR REPLACE INTO responses VALUES ((SELECT coalesce(max(end_bytes), 0) FROM responses) + ?, ?, ?, ?, ?, ?)"
)
_FORGET = """
DELETE FROM responses WHERE end_bytes IN (SELECT end_bytes FROM responses ORDER BY end_bytes LIMIT ?)
    AND (kept_at <= ? OR end_bytes <= (SELECT max(end_bytes) FROM responses) - ?)
"""
# It was damaged on disk if it has other types than these, or another checksum.
_TYPES = (str, bytes, int, bytes)


@dataclass(frozen=True)
class KeptResponse:
    """The response to a request with a key: `id` is made of the key, `digest` of the route and the body."""

    id: str
    digest: bytes
    body: bytes


def digest_of(route: str, body: bytes) -> bytes:
    """What distinguishes two requests with the same key."""
    digest = hashlib.blake2b(route.encode() + b"\n", digest_size=16)
    digest.update(body)
    return digest.digest()


def requested(request_id: str, route: str, body: bytes) -> KeptResponse:
    """What is known of a request with a key before its response, which is empty here."""
    return KeptResponse(request_id, digest_of(route, body), b"")


def resolved(
    predictions: Sequence[Prediction], given: Sequence[KeptResponse], find_earlier: Callable[[str], KeptResponse | None]
) -> tuple[dict[str, KeptResponse], list[Prediction], list[KeptResponse]]:
    """By id the response that stands, the predictions to write and the responses to keep: the first of each id."""
    standing = {each.id: each for each in reversed(given)}
    earlier = {each: found for each in standing if (found := find_earlier(each)) is not None}
    seen, fresh = set(earlier), []
    for each in predictions:
        if each.id not in seen:
            fresh.append(each)
            seen.add(each.id)
    return standing | earlier, fresh, [each for each in standing.values() if each.id not in earlier]


def find(connection: sqlite3.Connection, request_id: str, now: float) -> KeptResponse | None:
    """The response of this id, if it was given within the time that responses are kept. Raises sqlite3.Error."""
    row = connection.execute(_FIND, (request_id, now - KEPT_SECONDS)).fetchone()
    return None if row is None else _whole(row)


def keep(connection: sqlite3.Connection, given: Sequence[KeptResponse], now: float, max_bytes: int) -> None:
    """Keep these, and forget what is too old or too much, at most twice as many as come. Raises sqlite3.Error."""
    for each in given:
        size_bytes = len(each.body) + ROW_BYTES
        connection.execute(_KEEP, (size_bytes, now, each.id, each.digest, zlib.crc32(each.body), each.body))
    connection.execute(_FORGET, (2 * len(given) + 2, now - KEPT_SECONDS, max_bytes))


def salvage(path: Path) -> Iterator[KeptResponse]:
    """Every response of a damaged file that can still be read, up to the damage."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            for row in connection.execute("SELECT id, digest, crc, body FROM responses ORDER BY end_bytes"):
                if (kept := _whole(row)) is not None:
                    yield kept
        except (sqlite3.Error, UnicodeDecodeError, TypeError, OverflowError):
            return


def _whole(row: tuple[object, ...]) -> KeptResponse | None:
    request_id, digest, crc, body = row
    if not all(isinstance(value, kind) for value, kind in zip(row, _TYPES, strict=True)):
        return None
    kept = KeptResponse(request_id, digest, body)  # type: ignore[arg-type]  # checked just now
    return kept if zlib.crc32(kept.body) == crc else None
