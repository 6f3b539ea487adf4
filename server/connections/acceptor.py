"""Shares new connections among the workers of a machine: each goes to whoever has the fewest.

All workers listen on one socket, and whoever has just accepted is awake and accepts the next too: of four clients that
came together, event loops that accept all they can gave all four to one worker nearly every second time, and the
other's core stood idle. Here a worker that has more than another leaves a connection in the queue for a moment, and
takes it if meanwhile no other took any. `SO_REUSEPORT` deals by a hash: of four it gives all to one of two workers
once in eight, and goes on giving to one that is stuck.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from uvicorn import Config, Server

from server.connections.clients import Clients, keep_order

log = logging.getLogger(__name__)

DEFER_SECONDS = 0.003
CROWDED_SECONDS = 0.05  # the system has no more file descriptors: until some are closed
ACCEPTED_AT_ONCE = 64


class Share:
    """One worker's count of connections among those of all, in memory that they share.

    A number for each worker, one more than the connections it has, or zero where there is no worker. That two may have
    the same place, after many have died, only makes it less fair.
    """

    def __init__(self, shared: memoryview, place: int) -> None:
        self._all = shared
        self._own = place % len(shared)
        self._has_ended = False

    def count(self, connections: int) -> None:
        """Publish to the others how many it has."""
        if not self._has_ended:
            self._all[self._own] = connections + 1

    def end(self) -> None:
        """Take no more part, whatever is counted later."""
        self._has_ended = True
        self._all[self._own] = 0

    @property
    def has_fewest(self) -> bool:
        """True if no other worker has fewer."""
        return self._all[self._own] <= min((taken for taken in self.of_others if taken), default=self._all[self._own])

    @property
    def of_others(self) -> list[int]:
        """The numbers of the other workers."""
        return [taken for place, taken in enumerate(self._all.tolist()) if place != self._own]


class SharingServer(Server):
    """uvicorn's server, with an `Acceptor` for each listening socket; it ends with the process `master`, its parent."""

    def __init__(self, config: Config, clients: Clients, share: Share, master: int) -> None:
        super().__init__(config)
        self.clients = clients
        self._share, self._master = share, master

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept."""
        await super().startup(sockets=[])
        self.clients.on_change = self._share.count
        self._share.count(0)
        self._order = asyncio.get_running_loop().create_task(keep_order(self.clients))
        self.servers = [Acceptor(listener, self, self._share) for listener in sockets or ()]  # type: ignore[misc]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the clients go in order, then end."""
        await super().shutdown(sockets)
        self._order.cancel()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop: where the master was killed, nobody would restart this worker, and nobody stop it."""
        if os.getppid() != self._master:
            log.error("the server's master is gone, so this worker stops")
            return True
        return await super().on_tick(counter)


class Acceptor:
    """Accepts from one listening socket; uvicorn closes it like any of its servers."""

    def __init__(self, listener: socket.socket, server: SharingServer, share: Share) -> None:
        self._listener, self._server, self._share = listener, server, share
        self._loop = asyncio.get_running_loop()
        self._clients = server.clients
        self._others_had: list[int] = []
        self._left_by_others = 0
        self._connecting: set[asyncio.Task[None]] = set()
        listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._watch()

    def close(self) -> None:
        """Accept no more."""
        self._share.end()
        self._loop.remove_reader(self._listener.fileno())
        self._listener = None  # type: ignore[assignment]

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""

    def _watch(self) -> None:
        if self._listener is not None:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(seconds, self._watch)

    def _is_left_to_others(self, taken: int) -> bool:
        """Whether the others may still come for the next one: their counts change, or it has not waited yet."""
        if (others := self._share.of_others) != self._others_had:
            self._others_had, self._left_by_others = others, 1
            return True
        if taken < self._left_by_others:
            return False
        self._left_by_others = min(2 * self._left_by_others, ACCEPTED_AT_ONCE)
        return True

    def _accept(self) -> None:
        for taken in range(ACCEPTED_AT_ONCE):
            if not self._share.has_fewest and self._is_left_to_others(taken):
                self._pause(DEFER_SECONDS)
                return
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                self._others_had = []
                return
            except OSError as error:
                log.error("no connection can be accepted: %s", error)
                self._pause(CROWDED_SECONDS)
                return
            self._clients.expect(1)
            task = self._loop.create_task(self._connect(connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # it is gone already
            connection.close()
        finally:
            self._clients.expect(-1)

    def _protocol(self) -> asyncio.Protocol:
        server = self._server
        made: asyncio.Protocol = server.config.http_protocol_class(  # type: ignore[call-arg]
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
            clients=self._clients,
        )
        return made
