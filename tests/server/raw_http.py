"""HTTP spoken by hand over a socket: requests as bytes, and the responses as they come."""

from __future__ import annotations

import contextlib
import socket

JSON = "application/json"


def request(body: bytes, *headers: str, path: str = "/predict", version: str = "1.1") -> bytes:
    lines = [
        f"POST {path} HTTP/{version}",
        "Host: localhost",
        f"Content-Type: {JSON}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def connected(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        yield connection


def responses(connection, count=1):
    """The next responses on a connection: status and decoded body of each."""
    found, file = [], connection.makefile("rb")
    for _ in range(count):
        status = int(file.readline().split()[1])
        headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        found.append((status, headers, file.read(int(headers["content-length"]))))
    return found


def spoken(api, text: bytes, *, hang_up: bool = False) -> bytes:
    """The status line's code of a response to raw bytes."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(text)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return connection.recv(65_536).split(b" ")[1]
