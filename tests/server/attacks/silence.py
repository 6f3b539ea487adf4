"""Clients that trickle: heads and bodies byte by byte, and responses hardly read; each is ended after a stated time."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

from tests.server.attacks.attack import Attack, Found, Target
from tests.server.wire import BATCH, connected, head, post, send

CONNECTIONS = 20
"""Of each kind, each kind from an address of its own."""
ENDED_SECONDS = 30.0
SPARED_SECONDS = 10.0
EVERY_SECONDS = 5.0
ROWS = 10_000
RECEIVE_BYTES = 4_096
STANDING = {"01", "08"}
"""Established, or closed by the client alone, in the words of /proc/net/tcp."""


def attacks() -> list[Attack]:
    """The attacks of this module."""
    sent = f"heads, bodies and readers of a byte every {EVERY_SECONDS:g} s, {CONNECTIONS} of each"
    return [Attack("trickle", sent, trickle, f"each ended after {ENDED_SECONDS:g} s")]


def trickle(target: Target, scale: float) -> Found:
    """Keep all three kinds going until the server has let go of each."""
    whole, batch = post(target.example), post(b"[" + b",".join([target.example] * ROWS) + b"]", path=BATCH)
    begun = {
        "head": (b"", head("GET", "/health/live", f"X-Padding: {'x' * 100}")),
        "body": (whole[: -len(target.example)], target.example),
        "reading": (batch, b""),
    }
    count = max(2, round(CONNECTIONS * scale))
    with contextlib.ExitStack() as stack:
        opened: dict[str, list[socket.socket]] = {}
        for number, (kind, (first, _)) in enumerate(begun.items()):
            opened[kind] = [
                stack.enter_context(connected(target.port, f"127.0.0.{2 + number}", receive_bytes=RECEIVE_BYTES))
                for _ in range(count)
            ]
            for connection in opened[kind]:
                send(connection, first)
                connection.settimeout(0.0)
        ends = _ends(target, opened, {kind: rest for kind, (_, rest) in begun.items()})
    found = Found(figure=", ".join(f"{kind} {_seconds(seconds)}" for kind, seconds in ends.items()))
    for kind, seconds in ends.items():
        late = seconds is None or seconds > ENDED_SECONDS + SPARED_SECONDS
        found.check(holds=not late, fault=f"{kind}: ended after {_seconds(seconds)}")
    return found


def _ends(target: Target, opened: dict[str, list[socket.socket]], rests: dict[str, bytes]) -> dict[str, float | None]:
    """When the last connection of each kind was let go of, in seconds; None if it never was."""
    began, ends = time.monotonic(), dict.fromkeys(opened, None)
    for turn, _ in enumerate(target.until(ENDED_SECONDS + SPARED_SECONDS + EVERY_SECONDS)):
        held = _held(target.port)
        for kind, connections in opened.items():
            is_held = any(connection.getsockname() in held for connection in connections)
            if not is_held and ends[kind] is None:
                ends[kind] = time.monotonic() - began
            if turn % EVERY_SECONDS == 0:
                for connection in connections:
                    _nudge(connection, rests[kind], int(turn // EVERY_SECONDS))
        if None not in ends.values():
            break
        time.sleep(1.0)
    return ends


def _nudge(connection: socket.socket, rest: bytes, turn: int) -> None:
    """One byte more: sent of what is left to send, or read."""
    with contextlib.suppress(OSError):
        if rest:
            connection.send(rest[turn : turn + 1])
        else:
            connection.recv(1)


def _held(port: int) -> set[tuple[str, int]]:
    """The clients of this port whose connection still stands: neither has the server closed it nor was it reset."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if int(local.partition(":")[2], 16) == port and state in STANDING:
            address, _, client = remote.partition(":")
            found.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(client, 16)))
    return found


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"
