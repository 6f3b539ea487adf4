"""Documentation and metrics: a Flask application, run by a2wsgi.

Its response is collected before it is sent, so that a client who takes it slowly holds no thread; no page has a body to
read. What goes wrong in it is raised: the application makes the response, as for every other route.
"""

from __future__ import annotations

from typing import Any

import msgspec
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, redirect, render_template
from werkzeug.exceptions import HTTPException

from server.api.metrics import CONTENT_TYPE
from server.api.openapi import JSON, SYNTHETIC, document
from server.api.request import Headers, Message, Request
from server.api.service import ApiService
from server.connections.errors import HttpError
from tabular.settings import Settings

THREADS = 2
_MESSAGES = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
}
_NO_BODY = {"type": "http.request", "body": b"", "more_body": False}


class Pages:
    """The pages of one worker."""

    def __init__(self, service: ApiService, settings: Settings) -> None:
        pages: Any = _flask(service, settings)  # a2wsgi and Flask describe WSGI in types of their own
        self._run: Any = WSGIMiddleware(pages, workers=THREADS)

    async def response(self, request: Request) -> tuple[int, Headers, bytes]:
        """Status, headers and body; raises HttpError, and whatever a page raises."""
        if not request.scope["query_string"].isascii():
            raise HttpError(400, "the address holds bytes that are not ASCII")
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._run(request.scope, _no_body, collect)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return messages[0]["status"], messages[0]["headers"], body


async def _no_body() -> Message:
    return _NO_BODY


def _flask(service: ApiService, settings: Settings) -> Flask:
    app = Flask(__name__)
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # fields in the contract's order

    def description() -> dict[str, object]:
        model = service.predictor.model
        contract = model.bundle.contract
        needs_key, synthetic = bool(settings.api_key), model.bundle.synthetic
        return document(contract, model.run_id, settings.max_batch_rows, needs_key=needs_key, synthetic=synthetic)

    app.add_url_rule("/", view_func=lambda: redirect("/docs"), endpoint="index")

    @app.get("/docs")
    def docs() -> str:
        bundle = service.predictor.model.bundle
        warning = SYNTHETIC if bundle.synthetic else ""
        return render_template("docs.html", api=description(), contract=bundle.contract, warning=warning)

    @app.get("/openapi.json")
    def openapi() -> Response:
        return _json(description())

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(service.metrics.exposition(), content_type=CONTENT_TYPE)

    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.register_error_handler(HTTPException, _raise)
    return app


def _raise(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    headers = {key: value for key, value in error.get_headers() if key in {"Allow", "Retry-After"}}
    message = _MESSAGES.get(error.code or 500, (error.description or error.name).rstrip("."))
    raise HttpError(error.code or 500, message, headers=headers)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), content_type=JSON)
