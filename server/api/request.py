"""One HTTP request as ASGI gives it: its head, which is checked before its body is read, the body, and the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from server.api.access.request_id import HEADER, request_id
from server.connections.errors import HttpError
from tabular.errors import Fault

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON, NDJSON, TEXT, HTML = "application/json", "application/x-ndjson", "text/plain", "text/html"
"""The media types of the API."""

PIECE_BYTES = 65_536
SMALL_BYTES = 16_384  # a body that came in one piece and is used up within this turn of the loop
MAX_HELD_BYTES = 24_000_000
UNREAD_SECONDS = 5.0
"""How long the rest of a body is read and thrown away after an early response: a client that is still sending when its
connection closes never sees the response."""
_ONCE = (
    b"host",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"authorization",
    b"x-api-key",
    b"idempotency-key",
)


def asks_to_explain(query: bytes) -> bool:
    """True if a query string has `explain=1`; raises HttpError for another value than 1, 0, true or false."""
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("explain", ["0"])[-1]
    if given in _YES_OR_NO:
        return _YES_OR_NO[given]
    fault = Fault("explain", "is neither yes nor no", "1 or 0", given[:100])
    remedy = "Ask for the contributions of the features with ?explain=1, or leave it out."
    raise HttpError(400, "the address cannot be understood", "bad_query", remedy, [fault])


class ClientDisconnected(Exception):
    """Nobody is there any more to respond to."""


_YES_OR_NO = {"1": True, "true": True, "0": False, "false": False}


class HeldBytes:
    """What all requests of a worker hold together, in bytes: bodies that arrive and responses that are taken slowly."""

    def __init__(self, max_bytes: int = MAX_HELD_BYTES) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0


class Request:
    """A request; `headers` has each header once, its name in lower case; `response_headers` go with any response.

    `id` is what it is found by again: in the response, in the logs, and in what is stored.
    """

    __slots__ = (
        "_all_held_bytes",
        "_held_bytes",
        "_is_unread",
        "_receive",
        "_send",
        "headers",
        "id",
        "method",
        "path",
        "response_headers",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, held_bytes: HeldBytes) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.id = request_id(self.headers.get(HEADER))
        self.response_headers: Headers = [(HEADER, self.id.value.encode())]
        self._all_held_bytes, self._held_bytes = held_bytes, 0
        self._is_unread = True

    def check_framing(self) -> None:
        """Raises HttpError for what could be understood in two ways."""
        given = self.scope["headers"]
        if len(given) != len(self.headers):
            names = [name for name, _ in given]
            for name in _ONCE:
                if names.count(name) > 1:
                    raise HttpError(400, f"the header {name.decode()} is there more than once")
        if self.headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise HttpError(
                501, "of transfer encodings only chunked is read", "not_implemented", "Send the body as it is."
            )

    def header(self, name: bytes) -> str | None:
        """A header as text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def hold(self, size_bytes: int) -> None:
        """Count so many bytes as held instead of those before, however many that is; 0 at the request's end."""
        self._all_held_bytes.bytes += size_bytes - self._held_bytes
        self._held_bytes = size_bytes

    async def body(self, max_bytes: int) -> bytes:
        """The whole body, rejected by its length before it is read if it has one.

        Raises HttpError for one that is too long or more than the worker can hold now, and ClientDisconnected.
        """
        if int(self.headers.get(b"content-length", b"0")) > max_bytes:
            raise _too_large(max_bytes)
        message = await self._next()
        if not self._is_unread:
            body: bytes = message["body"]
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            if len(body) > SMALL_BYTES:
                self._hold_more(len(body))
            return body
        pieces, size = [message["body"]], len(message["body"])
        self._hold_more(size)
        while self._is_unread:
            piece = (await self._next())["body"]
            size += len(piece)
            if size > max_bytes:
                raise _too_large(max_bytes)
            self._hold_more(len(piece))
            pieces.append(piece)
        return b"".join(pieces)

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a response; of a body that was not read, the rest is thrown away."""
        headers = [*headers, *self.response_headers]
        if self._is_unread and b"expect" in self.headers:  # whether the body is sent after all, nobody knows
            headers = [*headers, (b"connection", b"close")]
        elif self._is_unread and self._brings_a_body:
            await self._respond_early(status, headers, body)
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        for at in range(PIECE_BYTES, len(body), PIECE_BYTES):  # so that no more than a piece waits in the transport
            await self._send({"type": "http.response.body", "body": body[at - PIECE_BYTES : at], "more_body": True})
        last = (max(len(body), 1) - 1) // PIECE_BYTES * PIECE_BYTES
        await self._send({"type": "http.response.body", "body": body[last:] if last else body})

    async def _respond_early(self, status: int, headers: Headers, body: bytes) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                while self._is_unread:
                    await self._next()
        except (TimeoutError, ClientDisconnected):
            pass
        await self._send({"type": "http.response.body", "body": b""})

    @property
    def _brings_a_body(self) -> bool:
        return self.headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in self.headers

    def _hold_more(self, size_bytes: int) -> None:
        if self._all_held_bytes.bytes + size_bytes > self._all_held_bytes.max_bytes:
            raise overloaded()
        self.hold(self._held_bytes + size_bytes)

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        self._is_unread = message["more_body"]
        return message


def overloaded() -> HttpError:
    """The response to a request beyond what a worker queues or holds."""
    retry = {"Retry-After": "1"}
    return HttpError(503, "too many requests are queued", "overloaded", "Send it again later.", (), retry)


def _too_large(max_bytes: int) -> HttpError:
    return HttpError(413, f"the body is larger than {max_bytes:,} bytes, the most this server reads")
