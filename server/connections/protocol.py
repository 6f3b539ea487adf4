"""uvicorn's HTTP protocol with the bounds that it lacks: in time for each part of a request, in bytes for its frame.

    a head, a body        REQUEST_SECONDS to arrive in whole, or 408
    a response            RESPONSE_SECONDS to be taken, or the connection is dropped
    a kept connection     API_KEEP_ALIVE_SECONDS without a request, then it is closed
    heads, chunk sizes,   FRAMING_BYTES more than the body they frame, or 431 or 400: whoever sends a body in chunks of
    trailers              one byte sends mostly frames
    pipelined requests    parsed in pieces of PIECE_BYTES, and not while earlier ones wait for their responses

Bodies are the application's to bound: it reads them piece by piece, and the server stops reading while it does not.
"""

from __future__ import annotations

import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from server.connections import bounds
from server.connections.arrivals import Arrivals
from server.connections.errors import HttpError


class BoundedProtocol(Arrivals):
    """One connection; its `clients` decide whether it may stay."""

    def connection_made(self, transport: Any) -> None:
        """Let the client in."""
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self._running: RequestResponseCycle | None = None
        self._taking_since: float | None = None  # since when a response has not been taken
        self._idle_since, self._ends_at = time.monotonic(), 0.0  # the second is set for one that is to end
        self.clients.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.clients.leave(self)
        self._keep(b"")
        if self._running is not None:  # uvicorn notifies the last of pipelined requests alone
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """True if nothing is being done for the client: it is idle, or its request has not arrived."""
        return self._request_since is not None or not self._is_busy

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with what waited for this response."""
        self._pending -= 1
        self._idle_since = time.monotonic()
        # Not taken yet is also what a response has left in the transport: the next one waits behind it.
        self._taking_since = self._idle_since if self.flow.write_paused else None
        self.clients.served(self)
        if self.cycle.response_complete:  # it is not another one that was pipelined
            self.cycle.body.clear()  # what came after an early response
        super().on_response_complete()
        if self.transport.is_closing():  # what was pipelined behind is not run
            self.pipeline.clear()
            self._keep(b"")
            self._pending, self._request_since = 0, None
            return
        if self._held and not self.pipeline:
            data = self._held
            self._keep(b"")
            self.flow.is_held = self._has_eof
            self.flow.resume_reading()
            self._parse(data)
            self._end_request()
        if self._is_busy or self.pipeline or self._held:
            return
        if self._last_error is not None:
            self._send_error(self._last_error)
        elif self._has_eof:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not take its response as fast as it is made."""
        super().pause_writing()
        if self._taking_since is None:
            self._taking_since = time.monotonic()

    def resume_writing(self) -> None:
        """The client has taken what was made so far; while a response is being sent its time goes on."""
        super().resume_writing()
        if self._running is None or self._running.response_complete or not self._running.response_started:
            self._taking_since = None

    def shutdown(self) -> None:
        """The worker stops: respond to what has come and what is on its way, and close."""
        self._is_stopping = True
        if self._is_busy:
            self.cycle.keep_alive = False
        else:
            self._ends_at = time.monotonic() + bounds.LAST_REQUEST_SECONDS

    def check(self, now: float) -> None:
        """End what has taken too long; `now` is of the monotonic clock."""
        may_go = self.is_waiting and (self._ends_at > 0 or self._request_since is None)
        if self._taking_since is not None and now > self._taking_since + bounds.RESPONSE_SECONDS:
            self.drop()
        elif self._request_since is not None and now > self._request_since + bounds.REQUEST_SECONDS:
            self._reject(bounds.SLOW)
        elif may_go and now > (self._ends_at or self._idle_since + self.clients.keep_alive_seconds):
            self.drop()

    def drop(self) -> None:
        """End the connection without a response."""
        if self._running is not None:
            self._running.disconnected = True
        self.transport.abort()

    def reject(self) -> None:
        """Respond that there are too many connections."""
        self._reject(bounds.CROWDED)

    def _reject(self, error: HttpError) -> None:
        """Read no more, respond to what is whole, then with this error."""
        self._last_error = error
        self._keep(b"")
        has_head = self._request_since is not None and self._has_head
        self._request_since = None
        if has_head and self.pipeline:  # behind others: it is not run at all
            self.pipeline.popleft()
            self._pending -= 1
        elif has_head:
            self._break_off(error)
        elif not self._is_busy:
            self._send_error(error)

    def _break_off(self, error: HttpError) -> None:
        """Stop the application that waits for the rest of a request, unless it has responded already."""
        if self.cycle.response_started:
            self.drop()
            return
        self._pending -= 1
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._send_error(error)

    def _send_error(self, error: HttpError) -> None:
        self.clients.rejected(error)
        if self.transport.is_closing():
            return
        self.transport.write(error.as_http())
        if self._has_eof:
            self.transport.close()
            return
        self.transport.write_eof()
        self._ends_at = time.monotonic() + bounds.LINGER_SECONDS
