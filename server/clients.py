"""Every client of a worker: who may come, who is waited for how long, and how each is left."""

from __future__ import annotations

import errno
import math
import selectors
import socket
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from server.answering import refusal_answer
from server.connection import Connection, Doing
from server.heads import Heads
from server.http_errors import Refusal
from server.incoming import Incoming

REQUEST_SECONDS = 30.0  # for a request to arrive, and for a part of an answer to be taken
LINGER_SECONDS = 5.0
LAST_REQUEST_SECONDS = 1.0  # when stopping: for a request that is already on its way
DEFER_SECONDS = 0.001  # a client is left so long to a worker that has fewer; then that one is busy, or stuck
ACCEPTED_OF_A_PILE = 64

LATE = refusal_answer(Refusal(408, "the request did not arrive within 30 s", "too_slow", "Send it faster, or less."))


class Clients:
    """The connections of one worker and the selector that watches them; `worker.seat` is its of `server.seats`."""

    def __init__(self, worker: Any, max_body_bytes: int) -> None:
        self._worker = worker
        self._max_body_bytes = max_body_bytes
        self._heads = Heads(worker.cfg)
        self._all: set[Connection] = set()
        self._accepts = False
        self._defers, self._defers_until = False, 0.0
        self._left_by_others = 0
        self.poller = selectors.DefaultSelector()
        self.again: list[Connection] = []
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    def accept(self, *, yes: bool) -> None:
        """Let new ones come, or not; above the configured number none may."""
        self._defers = monotonic() < self._defers_until
        yes = yes and len(self._all) < self._worker.cfg.worker_connections and not self._defers
        if yes == self._accepts:
            return
        self._accepts = yes
        for listener in self._worker.sockets:
            if yes:
                listener.setblocking(False)  # noqa: FBT003
                self.poller.register(listener, selectors.EVENT_READ, listener)
            else:
                self.poller.unregister(listener)

    def patience(self, seconds: float) -> float:
        """How long of these seconds may be slept: less while a client at the door is left to another worker."""
        return min(seconds, DEFER_SECONDS) if self._defers else seconds

    def take_in(self, listener: Any) -> None:
        """Let clients in for as long as no other worker has fewer; those whom the others leave there come in too."""
        seat = self._worker.seat
        for taken in range(ACCEPTED_OF_A_PILE):
            if taken >= self._left_by_others and not seat.has_fewest:
                self._left_by_others = min(max(2 * self._left_by_others, 1), ACCEPTED_OF_A_PILE)
                self._defers_until = monotonic() + DEFER_SECONDS
                return
            if not self._let_in(listener):
                self._left_by_others = 0
                return

    def _let_in(self, listener: Any) -> bool:
        try:
            sock, peer = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._worker.log.error("no connection can be accepted: %s", error)
                sleep(0.05)
            elif error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                raise
            return False
        incoming = Incoming(self._heads, peer, self._max_body_bytes)
        until = monotonic() + self._worker.cfg.keepalive
        connection = Connection(sock, peer, listener.getsockname(), incoming, until)
        self._all.add(connection)
        self._worker.seat.sit(len(self._all))
        self.poller.register(sock, selectors.EVENT_READ, connection)
        return True

    def read_on(self, connection: Connection) -> None:
        """Wait for the rest of its request."""
        if connection.doing is not Doing.ASKING and len(connection.incoming):
            connection.doing, connection.deadline = Doing.ASKING, monotonic() + REQUEST_SECONDS
        self._hold(connection, len(connection.incoming))

    def pause(self, connection: Connection) -> None:
        """Do not watch it while a thread works for it."""
        connection.doing, connection.deadline = Doing.WAITING, math.inf
        self.poller.unregister(connection.sock)

    def resume(self, connection: Connection) -> None:
        """Watch it again."""
        self.poller.register(connection.sock, selectors.EVENT_READ, connection)

    def answered(self, connection: Connection, data: bytes, *, keeps: bool) -> None:
        """Send it the answer to the request it brought, which is forgotten."""
        connection.incoming.forget()
        self._hold(connection, 0)
        if not keeps:
            connection.closes = True
            connection.lingers = connection.incoming.is_cut or len(connection.incoming) > 0
        self.send(connection, data)

    def part(self, connection: Connection, data: bytes) -> None:
        """Send it a last answer, whatever else it wanted to say."""
        self._hold(connection, 0)
        connection.closes = connection.lingers = True
        self.send(connection, data)

    def send(self, connection: Connection, data: bytes = b"") -> None:
        """Send this, or go on sending."""
        try:
            is_sent = connection.send(data)
        except OSError:
            self.drop(connection)
            return
        if not is_sent:
            if connection.doing is not Doing.TAKING:
                self.poller.modify(connection.sock, selectors.EVENT_WRITE, connection)
            connection.doing, connection.deadline = Doing.TAKING, monotonic() + REQUEST_SECONDS
            return
        if connection.doing is Doing.TAKING:
            self.poller.modify(connection.sock, selectors.EVENT_READ, connection)
        if not connection.closes:
            connection.doing, connection.deadline = Doing.IDLE, monotonic() + self._worker.cfg.keepalive
            if len(connection.incoming):
                self.again.append(connection)
        elif connection.lingers:
            self._leave(connection)
        else:
            self.drop(connection)

    def discard(self, connection: Connection) -> None:
        """Throw away what one that is leaving still sends: closed at once, it might never see its answer."""
        if connection.receive() == b"":
            self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Close it now."""
        self._hold(connection, 0)
        self._all.discard(connection)
        if self._worker.alive:
            self._worker.seat.sit(len(self._all))
        with suppress(KeyError, ValueError):  # it is not watched just now
            self.poller.unregister(connection.sock)
        connection.sock.close()

    def look(self, now: float) -> None:
        """See to those whose time is over."""
        if not self._worker.alive:
            for connection in self._all:
                if connection.doing is Doing.IDLE:
                    connection.deadline = min(connection.deadline, now + LAST_REQUEST_SECONDS)
        for connection in [each for each in self._all if each.deadline <= now]:
            if connection.doing is Doing.ASKING:
                self.part(connection, LATE)
            else:
                self.drop(connection)

    def _leave(self, connection: Connection) -> None:
        connection.doing, connection.deadline = Doing.LEAVING, monotonic() + LINGER_SECONDS
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(connection)

    def _hold(self, connection: Connection, held_bytes: int) -> None:
        self.held_bytes += held_bytes - connection.held_bytes
        connection.held_bytes = held_bytes
