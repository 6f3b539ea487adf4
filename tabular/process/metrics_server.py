"""The small HTTP server of a process's metrics; it responds to allowed hosts only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tabular.errors import InvalidSetting
from tabular.process.allowed_hosts import AllowedHosts
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

StartResponse = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

RESTART_SECONDS = 1.0
_MISDIRECTED = b"The host of this request is not allowed. To allow it, add it to ALLOWED_HOSTS.\n"


class _Server(ThreadingMixIn, WSGIServer):
    """One thread a request: a slow client does not block the others."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    """Does not log scrapes, and disconnects a client that sends nothing."""

    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        log.debug(format, *args)


def only_for(allowed_hosts: str, app: App) -> App:
    """The application for requests whose `Host` is allowed; others get 421."""
    allowed = AllowedHosts(allowed_hosts)

    def guarded(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "") in allowed:  # repeated headers come joined, and are not allowed
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [_MISDIRECTED]

    return guarded


def serve(app: App, host: str, port: int, setting: str) -> Callable[[], None]:
    """Serve in a thread; returns a function that stops it. Raises InvalidSetting for a port that cannot be used."""
    try:
        server = make_server(host, port, app, _Server, _Handler)
    except OSError as error:
        raise InvalidSetting(
            f"{setting}={port} cannot be used: {error}. Stop the program that listens there, or choose another port"
        ) from error
    ended = threading.Event()
    BackgroundTask("http", server.serve_forever, RESTART_SECONDS).start(ended)

    def stop() -> None:
        ended.set()
        server.shutdown()

    return stop
