"""The HTTP door: `gunicorn --config server/gunicorn.conf.py "server.api:create_app()"`."""

from __future__ import annotations

import hmac
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import msgspec
from flask import Flask, Response, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from server.api_metrics import CONTENT_TYPE, ApiMetrics
from server.api_service import ApiService
from server.http_errors import Refusal, refusal
from server.openapi import JSON, NDJSON, document
from tabular.errors import TabularError
from tabular.settings import Settings, load_settings

log = logging.getLogger(__name__)

CANNOT_LOAD = 4  # the exit code by which gunicorn knows that starting the worker again would not help
_PLAIN_WORDS = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
}
DISCARDED_BODIES, DISCARDED_AT_ONCE = 4, 65_536
Answer = Callable[[bytes, str | None], bytes]


def create_app(settings: Settings | None = None) -> Flask:
    """The application, with a verified model loaded and its background threads started.

    Raises TabularError if it must not serve; called without settings, by gunicorn, it says why and exits instead.
    """
    if settings is not None:
        return _app(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return _app(load_settings())
    except TabularError as error:
        log.critical("the API does not start: %s", error)
        sys.exit(CANNOT_LOAD)


def _app(settings: Settings) -> Flask:
    service = ApiService(settings)
    app = Flask(__name__)
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # fields in the contract's order
    app.extensions["service"] = service
    _add_predictions(app, service, settings)
    _add_pages(app, service, settings)
    _add_errors(app, service.metrics, settings.max_body_bytes)
    service.start()
    return app


def _add_predictions(app: Flask, service: ApiService, settings: Settings) -> None:
    door, metrics = service.door, service.metrics

    def answer(route: str, media: str, answered_by: Answer) -> Response:
        started = perf_counter()
        try:
            _check_headers(settings.api_key, media)
            body = answered_by(_body(settings.max_body_bytes), request.headers.get("Idempotency-Key"))
        except (TabularError, Refusal, HTTPException) as error:
            response = _refused(error, settings.max_body_bytes)
        else:
            response = Response(body, content_type=media)
        metrics.request(route, response.status_code, perf_counter() - started)
        return response

    @app.post("/predict")
    def predict() -> Response:
        return answer("/predict", JSON, door.one)

    @app.post("/predict/batch")
    def predict_batch() -> Response:
        if request.mimetype == NDJSON:
            return answer("/predict/batch", NDJSON, door.lines)
        return answer("/predict/batch", JSON, door.array)


def _check_headers(api_key: str, media: str) -> None:
    headers = request.headers
    if api_key:
        given = headers.get("X-API-Key") or headers.get("Authorization", "").partition("Bearer ")[2]
        if not hmac.compare_digest(given.encode(), api_key.encode()):
            raise Refusal(401, "the API key is missing or wrong", headers={"WWW-Authenticate": "Bearer"})
    if media not in (request.content_type, request.mimetype):  # the first needs no parsing
        given = request.content_type or "nothing"
        raise Refusal(415, f"this path reads {media}, and the header Content-Type says {given[:100]}")
    if headers.get("Content-Encoding", "identity") != "identity":
        raise Refusal(415, "compressed bodies are not read", "compressed", "Send the body as it is.")


def _body(limit_bytes: int) -> bytes:
    # gunicorn's stream ends where the body does, chunked or not; the framework's own limit cuts chunked ones silently.
    length = request.content_length or 0
    try:
        body: bytes = request.input_stream.read(limit_bytes + 1) if length <= limit_bytes else b""
        if length > limit_bytes or len(body) > limit_bytes:
            raise Refusal(413, f"the body is larger than {limit_bytes:,} bytes, the most this server reads")
    except OSError as error:
        raise Refusal(400, f"the body broke off: {error}", "broken_body", "Send the whole body.") from error
    if len(body) < length:
        raise Refusal(400, f"the body broke off after {len(body):,} bytes", "broken_body", "Send the whole body.")
    return body


def _discard(limit_bytes: int) -> None:
    # A client that is still sending when the connection closes never sees why. And gunicorn 26 reads what an answer
    # left of a body together with the next request, which it then forgets: a kept-alive client would wait in vain.
    with suppress(OSError):  # it hung up
        for _ in range(0, limit_bytes, DISCARDED_AT_ONCE):
            if not request.input_stream.read(DISCARDED_AT_ONCE):
                return


def _add_pages(app: Flask, service: ApiService, settings: Settings) -> None:
    def description() -> dict[str, object]:
        model = service.predictor.model
        contract = model.bundle.contract
        return document(contract, model.run_id, settings.max_batch_rows, needs_key=bool(settings.api_key))

    @app.get("/")
    def index() -> Response:
        return redirect("/docs")  # type: ignore[return-value]

    @app.get("/docs")
    def docs() -> str:
        return render_template("docs.html", api=description(), contract=service.predictor.model.bundle.contract)

    @app.get("/openapi.json")
    def openapi() -> Response:
        return _json(description())

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(service.metrics.exposition(), content_type=CONTENT_TYPE)

    @app.get("/health/live")
    def live() -> Response:
        return _json({"status": "live"})

    @app.get("/health/ready")
    def ready() -> Response:
        return _json(service.readiness())


def _add_errors(app: Flask, metrics: ApiMetrics, limit_bytes: int) -> None:
    def refuse(error: Exception) -> Response:
        response = _refused(error, limit_bytes)
        metrics.request("other", response.status_code)
        return response

    for kind in (HTTPException, TabularError, Refusal, Exception):
        app.register_error_handler(kind, refuse)


def _refused(error: Exception, limit_bytes: int) -> Response:
    _discard(DISCARDED_BODIES * limit_bytes)
    if isinstance(error, HTTPException):
        if error.response is not None or (error.code or 500) < 400:  # a redirect
            return error.get_response()  # type: ignore[return-value]
        headers = {key: value for key, value in error.get_headers() if key in {"Allow", "Retry-After"}}
        message = _PLAIN_WORDS.get(error.code or 500, (error.description or error.name).rstrip("."))
        refused = Refusal(error.code or 500, message, headers=headers)
    elif isinstance(error, TabularError):
        refused = refusal(error)
    elif isinstance(error, Refusal):
        refused = error
    else:
        log.error("a request failed in an unforeseen way", exc_info=error)
        refused = Refusal(500, "the server met an error it did not foresee")
    return Response(refused.body(), refused.status, dict(refused.headers), content_type=JSON)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), content_type=JSON)
