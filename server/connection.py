"""One client's connection, never waited for."""

from __future__ import annotations

import socket
from enum import Enum, auto
from typing import Any

from server.incoming import Incoming

RECEIVED_AT_ONCE, RECEIVED_OF_A_LONG_BODY = 65_536, 1_048_576


class Doing(Enum):
    """What a connection is about; its deadline is for this."""

    IDLE = auto()  # it may bring a request
    ASKING = auto()  # it is bringing one
    WAITING = auto()  # a thread works for it
    TAKING = auto()  # it is slow to take its answer
    LEAVING = auto()  # it was answered for good, and what it still sends is thrown away


class Connection:
    """A socket that does not block, what came in, and what has yet to go out; given up at `deadline` (monotonic)."""

    __slots__ = ("closes", "deadline", "doing", "held_bytes", "incoming", "lingers", "out", "peer", "server", "sock")

    def __init__(self, sock: socket.socket, peer: Any, server: Any, incoming: Incoming, deadline: float) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.sock, self.peer, self.server, self.incoming = sock, peer, server, incoming
        self.doing, self.deadline = Doing.IDLE, deadline
        self.out = b""
        self.held_bytes = 0
        self.closes = self.lingers = False

    def receive(self) -> bytes | None:
        """What has arrived; nothing at its end, None if there was only a false alarm."""
        most = min(max(self.incoming.missing_bytes, RECEIVED_AT_ONCE), RECEIVED_OF_A_LONG_BODY)
        try:
            return self.sock.recv(most)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:  # reset: like an end, but nobody listens any more
            return b""

    def send(self, data: bytes) -> bool:
        """Send as much as the client takes now; True if that was all. Raises OSError when it is gone."""
        data = self.out + data if self.out else data
        try:
            sent = self.sock.send(data) if data else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        self.out = data[sent:]
        return not self.out
