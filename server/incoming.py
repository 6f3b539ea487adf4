"""What one client has sent, as it comes: bytes go in, a request comes out once it is whole.

gunicorn's own parser reads the head, so that there is one opinion of where a request begins and ends; here it is only
given what has arrived, and nobody waits for a client.
"""

from __future__ import annotations

import io
import re
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, NoMoreData, ParseException

from server.heads import Heads

END_OF_HEAD = b"\r\n\r\n"
MAX_HEAD_BYTES = 65_536

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_REQUEST_LINE = re.compile(rb"[!-~]+ [!-~]+ HTTP/\d\.\d")


class _ChunkedBody:
    """gunicorn's stream of a chunked body; whatever is wrong with the chunks or behind them is an OSError."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._body.read(size)
        except ParseException as error:
            raise OSError(str(error)) from error
        return data


class Incoming:
    """One connection's unread bytes. `request` is the one being read, its head parsed; None before that."""

    def __init__(self, heads: Heads, peer: Any, max_body_bytes: int) -> None:
        self._heads = heads
        self._peer = peer
        self._max_body_bytes = max_body_bytes
        self._data = bytearray()
        self._seen_from = 0
        self._chunks: _Chunks | None = None
        self._body_at = self._length = 0
        self._count = 0
        self.ended = False
        self.is_cut = False
        self.request: Any = None

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Take up what has arrived; nothing means that the client has stopped sending."""
        self._data += data
        self.ended = not data

    def is_whole(self) -> bool:
        """True once a request can be answered: it is all there, or never will be, or is more than is read.

        Raises what gunicorn's parser raises for a head it refuses.
        """
        if self.request is None and not self._has_head():
            return False
        if self.ended:
            return True
        if self._chunks is not None:
            self._chunks.scan(self._data)
            framing_bytes = len(self._data) - self._body_at - self._chunks.body_bytes
            self.is_cut = max(self._chunks.body_bytes, framing_bytes - MAX_HEAD_BYTES) > self._max_body_bytes
            return self._chunks.ended or self.is_cut
        self.is_cut = self._length > self._max_body_bytes
        return self.is_cut or len(self._data) - self._body_at >= self._length

    def wants_go_ahead(self) -> bool:
        """True once for a client that waits to be told to send its body (Expect: 100-continue)."""
        if self.request is None or not self.request._expected_100_continue:  # noqa: SLF001 - it has no other name
            return False
        self.request._expected_100_continue = False  # noqa: SLF001
        return not self.is_cut

    def body(self) -> Any:
        """The request's body as a stream that never waits; shorter than announced, or broken, as it came."""
        if self._chunks is None:
            with memoryview(self._data) as data:  # copied once: BytesIO hands out whole what it was given as bytes
                return io.BytesIO(bytes(data[self._body_at : self._body_at + self._length]))
        return _ChunkedBody(self._heads.fresh(self._data, self._peer, self._count).body)

    def body_bytes(self) -> int:
        """How much of the body is here."""
        return len(self._data) - self._body_at

    @property
    def missing_bytes(self) -> int:
        """How much of the body is known to be still on its way."""
        return 0 if self.request is None else self._body_at + self._length - len(self._data)

    def forget(self) -> None:
        """Drop the request that was answered; what came behind it is the beginning of the next."""
        if self._chunks is not None and self._chunks.ended:
            self._data.clear()  # nothing is read behind a chunked body: its connection closes
        del self._data[: self._body_at + self._length]
        self._seen_from = 0
        self.request = None

    @property
    def is_chunked(self) -> bool:
        """True if the body came in chunks: it is read to its end only by the application."""
        return self._chunks is not None

    def _has_head(self) -> bool:
        end = self._data.find(END_OF_HEAD, max(self._seen_from - 3, 0))
        self._seen_from = len(self._data)
        if end < 0:
            line, found, _ = self._data[:MAX_HEAD_BYTES].partition(b"\r\n")
            if len(self._data) > MAX_HEAD_BYTES:
                raise LimitRequestHeaders("the head is too long")
            if not found or _REQUEST_LINE.fullmatch(line):
                return False
        self._count += 1
        try:
            self.request = self._heads.read(self._data, end + len(END_OF_HEAD), self._peer, self._count)
        except (NoMoreData, StopIteration):
            return False
        self._body_at = end + len(END_OF_HEAD)
        self._length = getattr(self.request.body.reader, "length", 0)
        is_chunked = not hasattr(self.request.body.reader, "length")
        self._chunks = _Chunks(self._body_at) if is_chunked else None
        return True


class _Chunks:
    """Finds the end of a chunked body (RFC 9112, section 7.1) without reading it; gunicorn's reader judges it."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._in_trailers = False
        self._before = 0
        self.ended = False
        self.body_bytes = 0

    def scan(self, data: bytearray) -> None:
        """Go on from where the last call stopped; what cannot be a chunk ends the body as well."""
        while not self.ended:
            end = data.find(b"\r\n", self._at)
            if end < 0:
                self.ended = len(data) - self._at > MAX_HEAD_BYTES
                return
            line = bytes(data[self._at : end])
            if self._in_trailers:
                self._at, self.ended = end + 2, not line
                continue
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                self.ended = True
                return
            length = int(size[1], 16)
            self.body_bytes = self._before + min(length, len(data) - end - 2)
            if length == 0:
                self._at, self._in_trailers = end + 2, True
            elif len(data) < end + 4 + length:
                return
            else:
                self._at, self._before = end + 4 + length, self.body_bytes
