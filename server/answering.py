"""From a whole request to the bytes of its answer, by the WSGI application; nothing here touches a socket."""

from __future__ import annotations

from http.client import responses
from typing import Any

from gunicorn.http import wsgi

from server.connection import Connection
from server.group_commit import ENVIRON_KEY, GroupCommit
from server.http_errors import Refusal

GO_AHEAD = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Collected:
    """Takes what gunicorn would write to the socket."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.sendall = self.parts.append

    def gettimeout(self) -> float:
        return 0.0


def answer(worker: Any, connection: Connection, group: GroupCommit | None) -> tuple[bytes, bool]:
    """The application's answer, and whether the connection may bring another request."""
    out, incoming = _Collected(), connection.incoming
    request = incoming.request
    try:
        response, environ = wsgi.create(request, out, connection.peer, connection.server, worker.cfg)
        environ["wsgi.input"] = incoming.body()
        environ["wsgi.multithread"] = True
        if group is not None:
            environ[ENVIRON_KEY] = group
        if not worker.alive or incoming.ended or incoming.is_cut or incoming.is_chunked:
            response.force_close()
        parts = worker.wsgi(environ, response.start_response)
        try:
            for part in parts:
                response.write(part)
            response.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()
    except Exception as error:  # noqa: BLE001 - one request must not take the others with it
        return error_answer(worker, connection, error, request), False
    return b"".join(out.parts), not response.should_close()


def error_answer(worker: Any, connection: Connection, error: Exception, request: Any = None) -> bytes:
    """What gunicorn says to a request that is not HTTP as it should be, or that broke the application; it logs it."""
    out = _Collected()
    worker.handle_error(request, out, connection.peer, error)
    return b"".join(out.parts)


def refusal_answer(refusal: Refusal) -> bytes:
    """A whole answer for a request that the application never sees; the connection is closed after it."""
    body = refusal.body()
    headers = {"Connection": "close", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**headers, **refusal.headers}.items()]
    head = "\r\n".join([f"HTTP/1.1 {refusal.status} {responses[refusal.status]}", *lines])
    return head.encode() + b"\r\n\r\n" + body
