"""uvicorn's HTTP protocol with the bounds that it lacks: in time for each part of a request, in bytes for its frame.

    a head, a body        REQUEST_SECONDS to arrive in whole, or 408
    an answer             ANSWER_SECONDS to be taken, or the connection is dropped
    a kept connection     KEEP_ALIVE_SECONDS without a request, then it is closed
    heads, chunk sizes,   FRAMING_BYTES more than the body they frame, or 431 or 400: whoever sends a body in chunks of
    trailers              one byte sends mostly frames
    pipelined requests    parsed in pieces of PIECE_BYTES, and not while earlier ones wait for their answers

Bodies are the application's to bound: it reads them piece by piece, and the server stops reading while it does not.
"""

from __future__ import annotations

import time
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.api import bounds
from server.api.access import is_target_of
from server.api.bounds import HeldFlow
from server.api.clients import CLIENTS, Clients
from server.api.errors import Refusal


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `clients`, which the application puts into the lifespan's state, decides who may stay."""

    clients: Clients
    flow: HeldFlow

    def connection_made(self, transport: Any) -> None:
        """Let the client in."""
        super().connection_made(transport)
        self.flow = HeldFlow(transport)
        self.clients = self.app_state[CLIENTS]
        self.peer = self.client[0] if self.client else ""
        self._running: RequestResponseCycle | None = None
        self._asking_since: float | None = None  # since when a request has been arriving
        self._taking_since: float | None = None  # since when an answer has not been taken
        self._idle_since, self._ends_at = time.monotonic(), 0.0  # the second is set for one that is told to go
        self._held, self._body_left = b"", 0
        self._unanswered = 0  # requests that the application has, or will have
        self._excess_bytes = 0  # of the request that arrives: all its bytes less twice its body's
        self._has_ended = self._stops = False
        self._fault = bounds.NOT_HTTP  # what is said if the parser stops
        self._last_words: Refusal | None = None
        self.clients.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.clients.leave(self)
        if self._running is not None:  # uvicorn tells the last of pipelined requests alone
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """True if nothing is being done for the client: it is idle, or its request has not arrived."""
        return self._asking_since is not None or not self._is_busy

    @property
    def _is_busy(self) -> bool:
        return self._unanswered > 0

    def data_received(self, data: bytes) -> None:
        """Parse it, unless earlier requests have to be answered first."""
        if self._last_words is not None:
            return
        if self._held:
            self._held += data
            self._hold()
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        at = 0
        while at < len(data) and self._last_words is None:
            if self.pipeline:
                self._held = data[at:]
                self._hold()
                return
            piece = data[at : at + max(bounds.PIECE_BYTES, self._body_left)]
            at += len(piece)
            self._excess_bytes += len(piece)
            self._feed(piece)
            if self._excess_bytes > bounds.FRAMING_BYTES and self._asking_since is not None:
                self._refuse(bounds.SMALL_CHUNKS if self._has_head else bounds.LONG_HEAD)

    def _feed(self, piece: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:  # another protocol is not spoken: the request is answered as it is
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(self._fault)

    def _hold(self) -> None:
        self.flow.is_held = True
        self.flow.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn returns None, which asyncio takes for False
        """Answer what has arrived whole, and close."""
        self._has_ended = self.flow.is_held = True
        self._end_request()
        return self._is_busy or bool(self._held)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._asking_since = time.monotonic()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note how long the body will be."""
        super().on_header(name, value)
        if name == b"Content-Length" or name.lower() == b"content-length":
            self._body_left = int(value)

    def on_headers_complete(self) -> None:
        """Start the application, or stop the parser at what it lets pass."""
        version = self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._fault = bounds.OTHER_VERSION
            raise ValueError(version)  # the parser turns it into an error of its own, and reads no further
        if self.url[:1] != b"/" and not is_target_of(self.url, dict(self.headers).get(b"host", b"")):
            self._fault = bounds.OTHER_HOST
            raise ValueError(self.url)
        if version == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        self._has_head = True
        self._unanswered += 1
        if version == "1.0" and self.parser.should_keep_alive():  # uvicorn closes these
            self.cycle.keep_alive = True
            self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"keep-alive")]
        if self._stops:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body_left -= len(body)
        self._excess_bytes -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._asking_since = None
        self._excess_bytes = self._body_left = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with what waited for this answer."""
        self._unanswered -= 1
        self._idle_since, self._taking_since = time.monotonic(), None
        self.clients.answered(self)
        if self.cycle.response_complete:  # it is not another one that was pipelined
            self.cycle.body.clear()  # what came after an early answer
        super().on_response_complete()
        if self._held and not self.pipeline:
            data, self._held = self._held, b""
            self.flow.is_held = self._has_ended
            self.flow.resume_reading()
            self._parse(data)
            self._end_request()
        if self._is_busy or self.pipeline or self._held:
            return
        if self._last_words is not None:
            self._part(self._last_words)
        elif self._has_ended:
            self.transport.close()

    def _end_request(self) -> None:
        """Nothing more comes: what is not whole by now never will be."""
        if self._has_ended and self._asking_since is not None and not self._held:
            self._refuse(bounds.BROKEN_OFF)

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it is made."""
        super().pause_writing()
        if self._taking_since is None:
            self._taking_since = time.monotonic()

    def shutdown(self) -> None:
        """The worker stops: answer what has come and what is on its way, and close."""
        self._stops = True
        if self._is_busy:
            self.cycle.keep_alive = False
        else:
            self._ends_at = time.monotonic() + bounds.LAST_REQUEST_SECONDS

    def check(self, now: float) -> None:
        """End what has taken too long; `now` is of the monotonic clock."""
        may_go = self.is_waiting and (self._ends_at > 0 or self._asking_since is None)
        if self._taking_since is not None and now > self._taking_since + bounds.ANSWER_SECONDS:
            self.drop()
        elif self._asking_since is not None and now > self._asking_since + bounds.REQUEST_SECONDS:
            self._refuse(bounds.SLOW)
        elif may_go and now > (self._ends_at or self._idle_since + bounds.KEEP_ALIVE_SECONDS):
            self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        if self._running is not None:
            self._running.disconnected = True
        self.transport.abort()

    def turn_away(self) -> None:
        """Say that there are too many."""
        self._refuse(bounds.CROWDED)

    def _refuse(self, words: Refusal) -> None:
        """Read no more, answer what is whole, then say this."""
        self._last_words, self._held = words, b""
        has_head = self._asking_since is not None and self._has_head
        self._asking_since = None
        if has_head and self.pipeline:  # behind others: it is not run at all
            self.pipeline.popleft()
            self._unanswered -= 1
        elif has_head:
            self._break_off(words)
        elif not self._is_busy:
            self._part(words)

    def _break_off(self, words: Refusal) -> None:
        """Stop the application that waits for the rest of a request, unless it has answered it already."""
        if self.cycle.response_started:
            self.drop()
            return
        self._unanswered -= 1
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._part(words)

    def _part(self, words: Refusal) -> None:
        self.clients.refused(words)
        if self.transport.is_closing():
            return
        self.transport.write(words.as_http())
        if self._has_ended:
            self.transport.close()
            return
        self.transport.write_eof()
        self._ends_at = time.monotonic() + bounds.LINGER_SECONDS
