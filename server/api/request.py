"""One HTTP request as ASGI gives it: its head, which is checked before its body is read, the body, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from server.api.errors import Refusal
from server.connections.held_bytes import HeldBytes, Holding

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PIECE_BYTES = 65_536
SMALL_BYTES = 16_384  # a body that came in one piece and is used up within this turn of the loop
UNREAD_SECONDS = 5.0
"""How long the rest of a body is read and thrown away after an early answer: a client that is still sending when its
connection closes never sees the answer."""
_ONCE = (
    b"host",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"authorization",
    b"x-api-key",
    b"idempotency-key",
)


class ClientGone(Exception):
    """Nobody is there any more to be answered."""


class Request:
    """A request; `headers` has each header once, its name in lower case; `answer_headers` go with any answer."""

    __slots__ = ("_is_unread", "_receive", "_send", "answer_headers", "headers", "holding", "method", "path", "scope")

    def __init__(self, scope: Scope, receive: Receive, send: Send, held_bytes: HeldBytes) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.holding = Holding(held_bytes)
        self.answer_headers: Headers = []
        self._is_unread = True

    def check_framing(self) -> None:
        """Refuse what could be understood in two ways; raises Refusal."""
        given = self.scope["headers"]
        if len(given) != len(self.headers):
            names = [name for name, _ in given]
            for name in _ONCE:
                if names.count(name) > 1:
                    raise Refusal(400, f"the header {name.decode()} is there more than once")
        if self.headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise Refusal(
                501, "of transfer encodings only chunked is read", "not_implemented", "Send the body as it is."
            )

    def header(self, name: bytes) -> str | None:
        """A header as text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, max_bytes: int) -> bytes:
        """The whole body, refused by its length before it is read if it has one; raises Refusal or ClientGone."""
        if int(self.headers.get(b"content-length", b"0")) > max_bytes:
            raise _too_large(max_bytes)
        message = await self._next()
        if not self._is_unread:
            body: bytes = message["body"]
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            if len(body) > SMALL_BYTES:
                self.holding.add(len(body))
            return body
        pieces, size = [message["body"]], len(message["body"])
        self.holding.add(size)
        while self._is_unread:
            piece = (await self._next())["body"]
            size += len(piece)
            if size > max_bytes:
                raise _too_large(max_bytes)
            self.holding.add(len(piece))
            pieces.append(piece)
        return b"".join(pieces)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send an answer; of a body that was not read, the rest is thrown away."""
        if self.answer_headers:
            headers = [*headers, *self.answer_headers]
        if self._is_unread and b"expect" in self.headers:  # whether the body is sent after all, nobody knows
            headers = [*headers, (b"connection", b"close")]
        elif self._is_unread and self._brings_a_body:
            await self._answer_early(status, headers, body)
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        for at in range(PIECE_BYTES, len(body), PIECE_BYTES):  # so that no more than a piece waits in the transport
            await self._send({"type": "http.response.body", "body": body[at - PIECE_BYTES : at], "more_body": True})
        last = (max(len(body), 1) - 1) // PIECE_BYTES * PIECE_BYTES
        await self._send({"type": "http.response.body", "body": body[last:] if last else body})

    async def _answer_early(self, status: int, headers: Headers, body: bytes) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                while self._is_unread:
                    await self._next()
        except (TimeoutError, ClientGone):
            pass
        await self._send({"type": "http.response.body", "body": b""})

    @property
    def _brings_a_body(self) -> bool:
        return self.headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in self.headers

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        self._is_unread = message["more_body"]
        return message


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(413, f"the body is larger than {max_bytes:,} bytes, the most this server reads")
