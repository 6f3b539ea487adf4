"""The HTTP door: `gunicorn --config server/gunicorn.conf.py "server.api:create_app()"`."""

from __future__ import annotations

import logging
import sys

import msgspec
from flask import Flask, Response, redirect, render_template
from werkzeug.exceptions import HTTPException

from server.api_metrics import CONTENT_TYPE, ApiMetrics
from server.api_service import ApiService
from server.group_commit import GroupCommit
from server.http_errors import Refusal, refused
from server.openapi import JSON, document
from server.predict_routes import PredictRoutes
from tabular.errors import TabularError
from tabular.settings import Settings, load_settings

log = logging.getLogger(__name__)

CANNOT_LOAD = 4  # the exit code by which gunicorn knows that starting the worker again would not help
_PLAIN_WORDS = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
}


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
    # What server/poll_loop.py looks for.
    app.extensions["group_commit"] = GroupCommit(service.outbox, service.metrics)
    app.extensions["count_shed"] = service.metrics.shed
    _add_pages(app, service, settings)
    _add_errors(app, service.metrics)
    routes = PredictRoutes(app.wsgi_app, service.door, service.metrics, settings.api_key, settings.max_body_bytes)
    app.wsgi_app = routes  # type: ignore[method-assign]  # the framework's own way to put something in front
    service.start()
    return app


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


def _add_errors(app: Flask, metrics: ApiMetrics) -> None:
    def refuse(error: Exception) -> Response:
        response = _refused(error)
        metrics.request("other", response.status_code)
        return response

    for kind in (HTTPException, TabularError, Refusal, Exception):
        app.register_error_handler(kind, refuse)


def _refused(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        if error.response is not None or (error.code or 500) < 400:  # a redirect
            return error.get_response()  # type: ignore[return-value]
        headers = {key: value for key, value in error.get_headers() if key in {"Allow", "Retry-After"}}
        message = _PLAIN_WORDS.get(error.code or 500, (error.description or error.name).rstrip("."))
        error = Refusal(error.code or 500, message, headers=headers)
    answer = refused(error)
    return Response(answer.body(), answer.status, dict(answer.headers), content_type=JSON)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), content_type=JSON)
