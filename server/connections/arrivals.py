"""What a client sends, parsed in pieces: bounded in all that is not body, and not parsed while it has to wait."""

from __future__ import annotations

import time
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from server.connections import bounds
from server.connections.bounds import HeldFlow
from server.connections.clients import Clients
from server.connections.errors import HttpError

TLS_HANDSHAKE = b"\x16"
"""With it every TLS connection begins (RFC 8446, 5.1), and no HTTP request."""


class Arrivals(HttpToolsProtocol):
    """The receiving half of a connection, one of `clients`."""

    flow: HeldFlow

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], clients: Clients) -> None:
        super().__init__(config, server_state, app_state)
        self.clients = clients

    def connection_made(self, transport: Any) -> None:
        """Let the client in."""
        super().connection_made(transport)
        self.flow = HeldFlow(transport)
        self._request_since: float | None = None  # since when a request has been arriving
        self._held, self._body_left = b"", 0
        self._pending = 0  # requests that the application has, or will have
        self._excess_bytes = 0  # of the request that arrives: all its bytes less twice its body's
        self._has_eof = self._has_head = self._is_stopping = False
        self._is_new = True
        self._fault = bounds.NOT_HTTP  # the error if the parser stops
        self._last_error: HttpError | None = None

    def data_received(self, data: bytes) -> None:
        """Parse it, unless earlier requests have to be responded to first."""
        if self._last_error is not None:
            return
        if self._is_new:
            self._is_new = False
            if data[:1] == TLS_HANDSHAKE:
                self._last_error = bounds.NOT_HTTP
                self.clients.rejected(bounds.NOT_HTTP)
                self.transport.close()  # at once, for no response would be understood
                return
        if self._held:
            self._hold(self._held + data)
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        at = 0
        while at < len(data) and self._last_error is None:
            if self.pipeline:
                self._hold(data[at:])
                return
            piece = data[at : at + max(bounds.PIECE_BYTES, self._body_left)]
            at += len(piece)
            self._excess_bytes += len(piece)
            self._feed(piece)
            if self._excess_bytes > bounds.FRAMING_BYTES and self._request_since is not None:
                self._reject(bounds.SMALL_CHUNKS if self._has_head else bounds.LONG_HEAD)

    def _feed(self, piece: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:  # no other protocol is spoken: the request is served as it is
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._reject(self._fault)

    def _hold(self, data: bytes) -> None:
        self._keep(data)
        self.flow.is_held = True
        self.flow.pause_reading()
        if self.clients.held_bytes > bounds.MAX_HELD_BYTES:  # of all clients together
            self.drop()

    def _keep(self, data: bytes) -> None:
        self.clients.held_bytes += len(data) - len(self._held)
        self._held = data

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn returns None, which asyncio takes for False
        """Respond to what has arrived whole, and close."""
        self._has_eof = self.flow.is_held = True
        self._end_request()
        return self._is_busy or bool(self._held)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._request_since = time.monotonic()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note how long the body will be; of trailers nothing is taken for a header."""
        if self._has_head:
            return
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
        self._pending += 1
        if version == "1.0" and self.parser.should_keep_alive():  # uvicorn closes these
            self.cycle.keep_alive = True
            self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"keep-alive")]
        if self._is_stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body_left -= len(body)
        self._excess_bytes -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._request_since = None
        self._excess_bytes = self._body_left = 0
        super().on_message_complete()

    def _end_request(self) -> None:
        """Nothing more comes: what is not whole by now never will be."""
        if self._has_eof and self._request_since is not None and not self._held:
            self._reject(bounds.BROKEN_OFF)

    @property
    def _is_busy(self) -> bool:
        return self._pending > 0

    def _reject(self, error: HttpError) -> None:
        raise NotImplementedError

    def drop(self) -> None:
        """End the connection without a response."""
        raise NotImplementedError


def is_target_of(url: bytes, host: bytes) -> bool:
    """True if a target in its absolute form names the same server as the header Host."""
    scheme, _, rest = url.partition(b"://")
    return scheme.lower() == b"http" and bool(host) and rest.partition(b"/")[0].lower() == host.lower()
