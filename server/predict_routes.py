"""The two prediction routes as plain WSGI, before the web framework's dispatch, which costs more than all they do.

Everything else (pages, health, metrics, unknown paths) goes on to the framework.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from http.client import responses
from time import perf_counter
from typing import Any, Protocol

from server.api_metrics import BATCH, SINGLE, ApiMetrics
from server.group_commit import ENVIRON_KEY
from server.http_door import HttpDoor
from server.http_errors import Refusal, refused
from server.openapi import JSON, NDJSON

log = logging.getLogger(__name__)

Environ = dict[str, Any]
Headers = list[tuple[str, str]]


class StartResponse(Protocol):
    """What a WSGI server gives an application."""

    def __call__(self, status: str, headers: Headers, /) -> object: ...


class Application(Protocol):
    """A WSGI application."""

    def __call__(self, environ: Environ, start_response: Any, /) -> Iterable[bytes]: ...


class PredictRoutes:
    """Answers both prediction routes and passes every other request on."""

    def __init__(
        self, others: Application, door: HttpDoor, metrics: ApiMetrics, api_key: str, max_body_bytes: int
    ) -> None:
        self._others = others
        self._door = door
        self._metrics = metrics
        self._api_key = api_key.encode()
        self._max_body_bytes = max_body_bytes
        self._answers = {SINGLE: self._single, BATCH: self._batch}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        route = environ["PATH_INFO"]
        answered_by = self._answers.get(route)
        if answered_by is None:
            return self._others(environ, start_response)
        started = perf_counter()
        try:
            media, body = answered_by(environ, started)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is answered
            refusal = refused(error)
            self._metrics.request(route, refusal.status, perf_counter() - started)
            status, media, body = f"{refusal.status} {responses[refusal.status].upper()}", JSON, refusal.body()
            start_response(status, [*refusal.headers.items(), *_headers(media, body)])
        else:
            start_response("200 OK", _headers(media, body))
        return (body,)

    def _single(self, environ: Environ, started: float) -> tuple[str, bytes]:
        body = self._body(environ, (JSON,))
        # It counts its request itself: in a group that is not before the commit.
        return JSON, self._door.one(body, environ.get("HTTP_IDEMPOTENCY_KEY"), started, environ.get(ENVIRON_KEY))

    def _batch(self, environ: Environ, started: float) -> tuple[str, bytes]:
        is_lines = _media(environ) == NDJSON
        media, answered_by = (NDJSON, self._door.lines) if is_lines else (JSON, self._door.array)
        answer = answered_by(self._body(environ, (JSON, NDJSON)), environ.get("HTTP_IDEMPOTENCY_KEY"))
        self._metrics.answered(BATCH, [perf_counter() - started])
        return media, answer

    def _body(self, environ: Environ, read: tuple[str, ...]) -> bytes:
        """The whole body of a request that may be answered; raises Refusal."""
        if environ["REQUEST_METHOD"] != "POST":
            raise Refusal(405, "this path does not take this method", headers={"Allow": "POST"})
        if self._api_key:
            self._check_key(environ)
        given = environ.get("CONTENT_TYPE")
        if given not in read and _media(environ) not in read:
            said = (given or "nothing")[:100]
            raise Refusal(415, f"this path reads {' or '.join(read)}, and the header Content-Type says {said}")
        if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise Refusal(415, "compressed bodies are not read", "compressed", "Send the body as it is.")
        return self._read(environ)

    def _check_key(self, environ: Environ) -> None:
        given = environ.get("HTTP_X_API_KEY") or environ.get("HTTP_AUTHORIZATION", "").partition("Bearer ")[2]
        if not hmac.compare_digest(given.encode(), self._api_key):
            raise Refusal(401, "the API key is missing or wrong", headers={"WWW-Authenticate": "Bearer"})

    def _read(self, environ: Environ) -> bytes:
        # The server's stream ends where the body does, chunked or not; frameworks' limits cut chunked ones silently.
        length, limit = int(environ.get("CONTENT_LENGTH") or 0), self._max_body_bytes
        try:
            body: bytes = environ["wsgi.input"].read(limit + 1) if length <= limit else b""
        except OSError as error:
            raise Refusal(400, f"the body broke off: {error}", "broken_body", "Send the whole body.") from error
        if length > limit or len(body) > limit:
            raise Refusal(413, f"the body is larger than {limit:,} bytes, the most this server reads")
        if len(body) < length:
            raise Refusal(400, f"the body broke off after {len(body):,} bytes", "broken_body", "Send the whole body.")
        return body


def _media(environ: Environ) -> str:
    media: str = environ.get("CONTENT_TYPE", "").partition(";")[0]
    return media.strip().lower()


def _headers(media: str, body: bytes) -> Headers:
    return [("Content-Type", media), ("Content-Length", str(len(body)))]
