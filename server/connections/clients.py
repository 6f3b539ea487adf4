"""The connections of one worker: how many there may be, of one peer and in all, and none for longer than it may stay.

A new client is always let in. Where that makes too many, the one goes that has waited longest without a whole request,
of the same peer or, if all are too many, of the peer that has the most: a crowd that says nothing keeps out nobody.
Only where all of them are being served is the new one rejected.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from server.connections.errors import HttpError
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15.0
MAX_REJECTED = 64
"""So many get a response that there are too many; beyond that a connection is dropped without one."""


class Client(Protocol):
    """A connection, as this module sees it."""

    @property
    def peer(self) -> str: ...

    @property
    def is_waiting(self) -> bool: ...

    def check(self, now: float) -> None: ...

    def drop(self) -> None: ...

    def reject(self) -> None: ...


class Clients:
    """The clients by peer, those that were served last at the end.

    A kept connection may stay for `keep_alive_seconds`. `count` is called with the status of each error response that
    the application did not make, `on_change` with the number of clients that there are and will be, when that changes.
    """

    def __init__(
        self,
        max_connections: int,
        max_per_peer: int,
        count: Callable[[int], None],
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self.keep_alive_seconds = keep_alive_seconds
        self._max_connections, self._max_per_peer = max_connections, max_per_peer
        self._count = count
        self._by_peer: dict[str, dict[Client, None]] = {}
        self._leaving: set[Client] = set()  # rejected, and not gone yet
        self._connections = self._expected = 0
        self.held_bytes = 0  # read and not parsed yet, of all of them
        self.on_change: Callable[[int], None] = lambda _connections: None

    def __len__(self) -> int:
        return self._connections

    def enter(self, client: Client) -> None:
        """Let it in, at the expense of another if there are too many."""
        of_peer = self._by_peer.setdefault(client.peer, {})
        of_peer[client] = None
        self._changed(1)
        if len(of_peer) > self._max_per_peer:
            self._make_room(of_peer, client)
        elif self._connections > self._max_connections:
            self._make_room(max(self._by_peer.values(), key=len), client)

    def expect(self, more: int) -> None:
        """So many more are accepted and will enter soon; fewer once they have."""
        self._expected += more
        self._changed(0)

    def leave(self, client: Client) -> None:
        """Forget it."""
        self._leaving.discard(client)
        of_peer = self._by_peer.get(client.peer, {})
        if client in of_peer:
            del of_peer[client]
            self._changed(-1)
            if not of_peer:
                del self._by_peer[client.peer]

    def served(self, client: Client) -> None:
        """It has been served, so it is the last of its peer to be given up."""
        of_peer = self._by_peer.get(client.peer, {})
        if len(of_peer) > 1 and client in of_peer:
            del of_peer[client]
            of_peer[client] = None

    def rejected(self, error: HttpError) -> None:
        """Count an error response that the application has not made."""
        self._count(error.status)

    def check(self, now: float) -> None:
        """End what has taken too long."""
        for client in [*self._leaving, *(client for of_peer in self._by_peer.values() for client in of_peer)]:
            try:
                client.check(now)
            except Exception:  # one of them must not keep the others from being checked, now and ever after
                log.exception("a client could not be checked, so it is dropped")
                client.drop()

    def _changed(self, by: int) -> None:
        self._connections += by
        self.on_change(self._connections + self._expected)

    def _make_room(self, among: dict[Client, None], newest: Client) -> None:
        for client in among:
            if client is not newest and client.is_waiting:
                self.leave(client)
                client.drop()
                return
        self.leave(newest)
        if len(self._leaving) < MAX_REJECTED:
            self._leaving.add(newest)
            newest.reject()
        else:
            newest.drop()


async def keep_order(clients: Clients) -> None:
    """Check the clients until cancelled."""
    checking = BackgroundTask("clients", lambda: clients.check(time.monotonic()), CHECK_SECONDS)
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        checking.turn()
