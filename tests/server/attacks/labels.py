"""Many distinct keys, paths, methods, statuses and values: what is kept of each must not grow with their number."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from tests.server.attacks.attack import STRANGER, Attack, Found, Target
from tests.server.wire import BATCH, NotHttp, answer, connected, head, post, send

REQUESTS = 12_000
"""A fourth each: single rows with keys of their own, paths, methods, category values."""
ROWS, BATCHES = 5_000, 10
METRICS_GROWTH_BYTES = 20_000
WINDOW = 20
METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "QUERY", "M-SEARCH", "TRACE")


def attacks() -> list[Attack]:
    """The attacks of this module."""
    sent = f"{REQUESTS:,} requests with idempotency keys, paths, methods and values of their own"
    return [Attack("labels", sent, labels, f"/metrics + {METRICS_GROWTH_BYTES // 1000} kB")]


def labels(target: Target, scale: float) -> Found:
    """Send them on one connection, a few under way at a time, and compare the metrics' pages."""
    found, before = Found(), metrics_bytes(target)
    requests = islice(_requests(json.loads(target.example)), round(REQUESTS * scale))
    with contextlib.closing(Kept(target.port)) as kept:
        for _ in target.times(round(REQUESTS * scale / WINDOW)):
            for status in kept.ask(list(islice(requests, WINDOW))):
                found.statuses[status] += 1
        batch = b"[" + b",".join([target.example] * ROWS) + b"]"
        for turn in target.times(round(BATCHES * scale)):
            kept.ask([post(batch, f"Idempotency-Key: batch-{turn}", path=BATCH)])
    after = metrics_bytes(target)
    found.figure = f"/metrics {before:,} → {after:,} bytes"
    found.check(holds=after - before <= METRICS_GROWTH_BYTES, fault=f"/metrics grew by {after - before:,} bytes")
    return found


def metrics_bytes(target: Target) -> int:
    """The size of the metrics' page; 0 if there is no response."""
    with contextlib.closing(Kept(target.port)) as kept:
        (page,) = kept.pages([head("GET", "/metrics")])
        return len(page)


def _requests(example: dict[str, object]) -> Iterator[bytes]:
    body = json.dumps(example).encode()
    category = next(name for name, value in example.items() if isinstance(value, str))
    number = 0
    while True:
        number += 1
        yield post(body, f"Idempotency-Key: key-{number}")
        yield head("GET", f"/path-{number}")
        yield head(METHODS[number % len(METHODS)], f"/predict?number={number}", "Content-Length: 0")
        yield post(json.dumps(example | {category: f"value-{number}"}).encode(), f"X-Name-{number}: x")


class Kept:
    """A connection that is opened again whenever the server has ended it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stack = contextlib.ExitStack()
        self._connection: socket.socket | None = None
        self._file: BinaryIO

    def ask(self, requests: list[bytes]) -> list[str]:
        """Send these in one go; the statuses of the responses that came."""
        return [status for status, _ in self._responses(requests)]

    def pages(self, requests: list[bytes]) -> list[bytes]:
        """The same, and the bodies."""
        return [body for _, body in self._responses(requests)]

    def close(self) -> None:
        """End it."""
        self._stack.close()
        self._connection = None

    def _responses(self, requests: list[bytes]) -> list[tuple[str, bytes]]:
        if self._connection is None:
            self._connection = self._stack.enter_context(connected(self._port, STRANGER, 30.0))
            self._file = self._stack.enter_context(self._connection.makefile("rb"))
        found = []
        try:
            send(self._connection, b"".join(requests))
            for _ in requests:
                given = answer(self._file)
                if given is None:
                    found.append(("no response", b""))
                    self.close()
                    break
                found.append((str(given.status), given.body))
        except (TimeoutError, NotHttp) as error:
            found.append((type(error).__name__, b""))
            self.close()
        return found
