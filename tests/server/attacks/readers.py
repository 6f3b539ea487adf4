"""Readers that ask for the largest responses and take a few bytes a second."""

from __future__ import annotations

import contextlib
import time
from functools import partial

from tests.server.attacks.attack import Attack, Found, Target
from tests.server.wire import BATCH, connected, post, send

READERS = 60
PEERS = 6
"""They come from so many addresses, so that a limit of connections a peer does not bound this attack alone."""
ROWS = 10_000
READ_SECONDS = 15.0
READ_BYTES = 4
RECEIVE_BYTES = 4_096
OTHERS_P99_MS = 100.0


def attacks() -> list[Attack]:
    """The attacks of this module."""
    slow = f"{READERS} readers of batches of {ROWS:,} rows, {READ_BYTES} bytes a second each"
    return [
        Attack("readers", f"{slow}; valid rows", partial(readers, is_valid=True), p99_ms=OTHERS_P99_MS),
        Attack("readers-empty", f"{slow}; rows {{}}", partial(readers, is_valid=False), p99_ms=OTHERS_P99_MS),
    ]


def readers(target: Target, scale: float, *, is_valid: bool) -> Found:
    """Ask on many connections, and read hardly anything of the responses."""
    request = post(b"[" + b",".join([target.example if is_valid else b"{}"] * ROWS) + b"]", path=BATCH)
    received, asked = 0, 0
    with contextlib.ExitStack() as stack:
        connections = []
        for turn in target.times(READERS):
            source = f"127.0.0.{2 + turn % PEERS}"
            connections.append(stack.enter_context(connected(target.port, source, receive_bytes=RECEIVE_BYTES)))
            with contextlib.suppress(TimeoutError):
                asked += send(connections[-1], request)
        for connection in connections:
            connection.settimeout(0.0)
        for _ in target.until(max(5.0, READ_SECONDS * scale)):
            for connection in connections:
                with contextlib.suppress(OSError):
                    received += len(connection.recv(READ_BYTES))
            time.sleep(1.0)
    found = Found(figure=f"{received:,} bytes read by {asked} of {READERS} readers")
    found.check(holds=received > 0, fault="not one byte of a response came")
    return found
