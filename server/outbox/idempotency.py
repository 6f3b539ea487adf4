"""Answers that are kept by their Idempotency-Key, so that a retry gets the one that was given. A table of the outbox.

Its key counts the bytes up to and including an answer, so that what all of them take is the difference of two keys.
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
CREATE TABLE IF NOT EXISTS answers (
    upto INTEGER PRIMARY KEY,
    kept_at REAL NOT NULL,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""
_FIND = "SELECT id, digest, crc, body FROM answers WHERE id = ? AND kept_at > ?"
_KEEP = "INSERT OR REPLACE INTO answers VALUES ((SELECT coalesce(max(upto), 0) FROM answers) + ?, ?, ?, ?, ?, ?)"
_FORGET = """
DELETE FROM answers WHERE upto IN (SELECT upto FROM answers ORDER BY upto LIMIT ?)
    AND (kept_at <= ? OR upto <= (SELECT max(upto) FROM answers) - ?)
"""
# It was damaged on disk if it has other types than these, or another checksum.
_TYPES = (str, bytes, int, bytes)


@dataclass(frozen=True)
class KeptAnswer:
    """The answer to a request with a key: `id` is made of the key, `digest` of the route and the body."""

    id: str
    digest: bytes
    body: bytes


def digest_of(route: str, body: bytes) -> bytes:
    """By what two requests with the same key are told apart."""
    digest = hashlib.blake2b(route.encode() + b"\n", digest_size=16)
    digest.update(body)
    return digest.digest()


def unanswered(known_as: str, route: str, body: bytes) -> KeptAnswer:
    """What is known of a request with a key before its answer."""
    return KeptAnswer(known_as, digest_of(route, body), b"")


def settled(
    predictions: Sequence[Prediction], answers: Sequence[KeptAnswer], find_earlier: Callable[[str], KeptAnswer | None]
) -> tuple[dict[str, KeptAnswer], list[Prediction], list[KeptAnswer]]:
    """By id the answer that stands, the predictions to be written and the answers to be kept: the first of each id."""
    standing = {each.id: each for each in reversed(answers)}
    earlier = {known_as: found for known_as in standing if (found := find_earlier(known_as)) is not None}
    seen, fresh = set(earlier), []
    for each in predictions:
        if each.id not in seen:
            fresh.append(each)
            seen.add(each.id)
    return standing | earlier, fresh, [each for each in standing.values() if each.id not in earlier]


def find(connection: sqlite3.Connection, known_as: str, now: float) -> KeptAnswer | None:
    """The answer of this id, if it was given within the time that answers are kept."""
    row = connection.execute(_FIND, (known_as, now - KEPT_SECONDS)).fetchone()
    return None if row is None else _whole(row)


def keep(connection: sqlite3.Connection, answers: Sequence[KeptAnswer], now: float, max_bytes: int) -> None:
    """Keep these, and forget what has been kept for long enough or is too much; twice as many as come at most."""
    for each in answers:
        size_bytes = len(each.body) + ROW_BYTES
        connection.execute(_KEEP, (size_bytes, now, each.id, each.digest, zlib.crc32(each.body), each.body))
    connection.execute(_FORGET, (2 * len(answers) + 2, now - KEPT_SECONDS, max_bytes))


def salvage(path: Path) -> Iterator[KeptAnswer]:
    """Every answer of a damaged file that can still be read, up to the damage."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            for row in connection.execute("SELECT id, digest, crc, body FROM answers ORDER BY upto"):
                if (answer := _whole(row)) is not None:
                    yield answer
        except (sqlite3.Error, UnicodeDecodeError, TypeError, OverflowError):
            return


def _whole(row: tuple[object, ...]) -> KeptAnswer | None:
    known_as, digest, crc, body = row
    if not all(isinstance(value, kind) for value, kind in zip(row, _TYPES, strict=True)):
        return None
    answer = KeptAnswer(known_as, digest, body)  # type: ignore[arg-type]  # just looked at
    return answer if zlib.crc32(answer.body) == crc else None
