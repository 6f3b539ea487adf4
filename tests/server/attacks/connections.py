"""Attacks by the number of connections: many that say nothing, many that come and go."""

from __future__ import annotations

import contextlib
import errno
import resource
import selectors
import socket
import struct
import time
from collections import Counter
from functools import partial

from tests.server.attacks.attack import STRANGER, Attack, Found, Target
from tests.server.wire import LOOPBACK, post

SILENT = 1_400
HELD_SECONDS = 10.0
FLOOD = 5_000
AT_ONCE = 100
OPEN_FILES = 4_096
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: a close is a reset."""


def attacks() -> list[Attack]:
    """The attacks of this module."""
    sent = f"{SILENT:,} connections that send one byte"
    served = "new clients and health checks served"
    return [
        Attack("silent", f"{sent}, from another address", partial(silent, source=STRANGER), served),
        Attack("silent-same", f"{sent}, from the other clients' address", partial(silent, source=LOOPBACK), served),
        Attack("flood", f"{FLOOD:,} connections reset in every phase of a request", flood),
    ]


def silent(target: Target, scale: float, *, source: str) -> Found:
    """Open them all, send a byte on each, hold them; the other clients open new connections meanwhile."""
    _allow_files()
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_opening(target.port, source)) for _ in target.times(SILENT)]
        sent = _send_when_open(opened, b"P", 2.0)
        for _ in target.until(max(3.0, HELD_SECONDS * scale)):
            time.sleep(0.1)
        kept = sum(_is_open(connection) for connection in opened)
    return Found(Counter(sent), f"{kept:,} of {len(opened):,} still open")


def flood(target: Target, scale: float) -> Found:
    """Connections that end with a reset: before a byte, within the head, within the body, before the response."""
    whole = post(target.example)
    phases = [b"", whole[:20], whole[:-10], whole]
    found = Found()
    for turn in target.times(round(FLOOD * scale / AT_ONCE)):
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(_opening(target.port, STRANGER)) for _ in range(AT_ONCE)]
            found.statuses.update(_send_when_open(opened, phases[turn % len(phases)], 2.0))
            for connection in opened:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return found


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _opening(port: int, source: str) -> socket.socket:
    """A connection on its way: a server that accepts none must not stop the attack."""
    connection = socket.socket()
    connection.settimeout(0.0)
    connection.bind((source, 0))
    if (code := connection.connect_ex((LOOPBACK, port))) not in {0, errno.EINPROGRESS}:
        connection.close()
        raise OSError(code, "the connection could not be begun")
    return connection


def _send_when_open(connections: list[socket.socket], data: bytes, seconds: float) -> dict[str, int]:
    """Send on each as soon as it is open, and count what became of them within the time."""
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_WRITE)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                selector.unregister(key.fileobj)
                counts[_sent(key.fileobj, data)] += 1  # type: ignore[arg-type]
        counts["not accepted"] += len(selector.get_map())
    return dict(+counts)


def _sent(connection: socket.socket, data: bytes) -> str:
    try:
        connection.send(data)
    except OSError:
        return "rejected"
    return "opened"


def _is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(65_536) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
