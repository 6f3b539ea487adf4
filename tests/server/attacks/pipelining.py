"""Many small requests with long heads in one go, by a client that reads its responses and by one that does not."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from functools import partial

from tests.server.attacks.attack import STRANGER, Attack, Found, Target
from tests.server.wire import connected, post

SENT_BYTES = 57_000_000
HEAD_BYTES = 2_200
STUCK_SECONDS = 5.0
"""A server that takes nothing more for so long, and gives nothing, has seen enough."""
START = b"HTTP/1.1 "
LONGEST_SECONDS = 30.0
PIECE_BYTES = 262_144


def attacks() -> list[Attack]:
    """The attacks of this module."""
    sent = f"57 MB of requests with heads of {HEAD_BYTES / 1e3:g} kB in one go"
    return [
        Attack("pipelined", f"{sent}, responses read", partial(pipelined, reads=True)),
        Attack("pipelined-unread", f"{sent}, responses not read", partial(pipelined, reads=False)),
    ]


def pipelined(target: Target, scale: float, *, reads: bool) -> Found:
    """Send it all on one connection, as fast as the server takes it: valid requests and rejected ones in turn."""
    padding = f"X-Padding: {'x' * HEAD_BYTES}"
    pair = post(target.example, padding) + post(b"{}", padding, media="text/plain")  # the second one is rejected
    data = pair * round(SENT_BYTES * scale / len(pair))
    with connected(target.port, STRANGER) as connection:
        connection.settimeout(0.0)
        exchange = _Exchange(connection, data, reads=reads)
        with contextlib.suppress(ConnectionError, EOFError):
            exchange.run(target)
    return Found(figure=f"{exchange.sent / 1e6:.1f} MB taken, {exchange.responses:,} responses read")


class _Exchange:
    """Sends and reads at once, until the server is through or stuck; counts the bytes it took, and its responses."""

    def __init__(self, connection: socket.socket, data: bytes, *, reads: bool) -> None:
        self._connection, self._data, self._reads = connection, memoryview(data), reads
        self._wanted = data.count(b"POST ") if reads else 0
        self._rest = b""
        self.sent = self.responses = 0

    def run(self, target: Target) -> None:
        """Raises ConnectionError or EOFError when the server ends the connection."""
        read = selectors.EVENT_READ if self._reads else 0
        progress = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, read | selectors.EVENT_WRITE)
            for _ in target.until(LONGEST_SECONDS):
                for _, events in selector.select(0.1):
                    progress = time.monotonic()
                    self._go_on(events)
                is_sent = self.sent == len(self._data)
                if (is_sent and self.responses >= self._wanted) or time.monotonic() - progress > STUCK_SECONDS:
                    return
                if is_sent:
                    selector.modify(self._connection, read)

    def _go_on(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self.sent += self._connection.send(self._data[self.sent : self.sent + PIECE_BYTES])
        if events & selectors.EVENT_READ:
            got = self._connection.recv(PIECE_BYTES)
            if not got:
                raise EOFError
            self.responses += (self._rest + got).count(START)
            self._rest = (self._rest + got)[1 - len(START) :]
