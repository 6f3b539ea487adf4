"""Documentation and metrics: a Flask application, run by a2wsgi.

Its response is collected before it is sent, so that a client who takes it slowly holds no thread; no page has a body to
read. What goes wrong in it is raised: the application makes the response, as for every other route.
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, redirect, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound

from server.api.metrics import CONTENT_TYPE
from server.api.openapi import SYNTHETIC, document
from server.api.request import HTML, JSON, Headers, Message, Request
from server.api.service import ApiService
from server.api.tables import TABLES, listed, table_of
from server.api.web.pages import PAGE_HEADERS
from server.connections.errors import HttpError
from tabular.settings import Settings

THREADS = 2
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
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

    def description(name: str) -> dict[str, object]:
        table = table_of(service.tables, name)
        model, needs_key = table.predictor.model, bool(settings.api_key)
        return document(
            model.bundle.contract,
            model.run_id,
            settings.max_batch_rows,
            needs_key=needs_key,
            synthetic=model.bundle.synthetic,
            prefix=table.prefix,
        )

    app.add_url_rule("/", view_func=lambda: redirect("/docs"), endpoint="index")

    @app.get(TABLES)
    def tables() -> Response:
        return _json(listed(service.tables))

    @app.get("/docs", defaults={"name": service.first.name})
    @app.get(f"{TABLES}/<name>/docs")
    def docs(name: str) -> str:
        api, bundle = description(name), service.tables[name].predictor.model.bundle
        others = [table for table in service.tables.values() if table.name != name]
        return render_template("docs.html", api=api, warning=SYNTHETIC if bundle.synthetic else "", others=others)

    @app.get("/openapi.json", defaults={"name": service.first.name})
    @app.get(f"{TABLES}/<name>/openapi.json")
    def openapi(name: str) -> Response:
        return _json(description(name))

    @app.get(f"{TABLES}/<name>")
    def table(name: str) -> ResponseReturnValue:
        return redirect(f"{table_of(service.tables, name).prefix}/docs")

    @app.route(f"{TABLES}/<name>/<path:rest>", methods=[*_METHODS])
    def nothing(name: str, rest: str) -> NoReturn:  # noqa: ARG001 - Flask gives it by name
        table_of(service.tables, name)
        raise NotFound

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(service.metrics.exposition(), content_type=CONTENT_TYPE)

    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.after_request(_under_policy)
    app.register_error_handler(HTTPException, _raise)
    return app


def _under_policy(response: Response) -> Response:
    if response.mimetype == HTML:
        response.headers.update(PAGE_HEADERS)
    return response


def _raise(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    headers = {key: value for key, value in error.get_headers() if key in {"Allow", "Retry-After"}}
    message = _MESSAGES.get(error.code or 500, (error.description or error.name).rstrip("."))
    raise HttpError(error.code or 500, message, headers=headers)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), content_type=JSON)
