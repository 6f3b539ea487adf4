"""HTTP by hand over a socket, for requests that no client library would send, and responses parsed strictly."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

JSON, NDJSON = "application/json", "application/x-ndjson"
SINGLE, BATCH = "/predict", "/predict/batch"
HOST = "Host: localhost"
LOOPBACK = "127.0.0.1"
TIMEOUT_SECONDS = 10.0


class NotHttp(Exception):
    """What came back is no whole HTTP response."""


@dataclass(frozen=True)
class Answer:
    """One answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def head(method: str, path: str, *headers: str) -> bytes:
    """The head of a request, its empty line included."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", HOST, *headers]).encode() + b"\r\n\r\n"


def post(body: bytes, *headers: str, path: str = SINGLE, media: str = JSON) -> bytes:
    """A whole POST with its length."""
    return head("POST", path, f"Content-Type: {media}", f"Content-Length: {len(body)}", *headers) + body


@contextlib.contextmanager
def connected(
    port: int, source: str = LOOPBACK, seconds: float = TIMEOUT_SECONDS, receive_bytes: int | None = None
) -> Iterator[socket.socket]:
    """A connection from an address of the loopback range; `receive_bytes` is what the kernel may hold of answers."""
    with socket.socket() as connection:
        if receive_bytes is not None:  # before it connects, or the window is already announced
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(seconds)
        connection.bind((source, 0))
        connection.connect((LOOPBACK, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def send(connection: socket.socket, data: bytes) -> bool:
    """Send it all; False if the server ended the connection first, whose answer may still be read."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def answer(file: BinaryIO, *, to_head: bool = False) -> Answer | None:
    """The next answer; None if the connection ended before it. Raises NotHttp, TimeoutError."""
    try:
        line = file.readline(65_536)
        return _after(line, file, to_head=to_head) if line else None
    except ConnectionResetError:
        return None


def _after(line: bytes, file: BinaryIO, *, to_head: bool) -> Answer:
    version, _, rest = line.partition(b" ")
    status = rest[:3]
    if version not in {b"HTTP/1.0", b"HTTP/1.1"} or not status.isdigit() or not line.endswith(b"\r\n"):
        raise NotHttp(repr(line[:200]))
    headers = dict(_headers(file))
    if to_head or status in {b"204", b"304"} or status.startswith(b"1"):
        return Answer(int(status), headers, b"")
    return Answer(int(status), headers, _body(file, headers))


def _headers(file: BinaryIO) -> Iterator[tuple[str, str]]:
    while (line := file.readline(65_536)) != b"\r\n":
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not line.endswith(b"\r\n"):
            raise NotHttp(f"the head ends in {line[:200]!r}")
        yield name.lower(), value.strip()


def _body(file: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        return b"".join(_chunks(file))
    if "content-length" not in headers:
        return file.read()  # it ends where the connection does (RFC 9112, 6.3)
    length = int(headers["content-length"])
    body = file.read(length)
    if len(body) < length:
        raise NotHttp(f"the body ended after {len(body):,} of {length:,} bytes")
    return body


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while size := int(file.readline(100).split(b";")[0], 16):
        yield file.read(size)
        file.readline(100)
    while file.readline(65_536) not in {b"\r\n", b""}:  # trailers
        pass
