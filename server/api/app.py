"""The API: `gunicorn --config server/gunicorn.conf.py "server.api.app:create_app()"`, an ASGI application.

Single rows are served by the event loop's thread, but for very long ones; batches and pages by pools of threads. A
request is rejected by what its head says (name of the host, key, type, length) before any of its body is read.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import msgspec

from server.api.access.cors import Cors
from server.api.access.rejections import RejectionLog
from server.api.access.rules import Access
from server.api.compression import Body
from server.api.errors import http_error
from server.api.handlers import Handler, Handlers
from server.api.labels.handlers import LabelHandlers
from server.api.metrics import BATCH, LABELS, OTHER, SINGLE
from server.api.pages import Pages
from server.api.request import (
    JSON,
    NDJSON,
    ClientDisconnected,
    Headers,
    HeldBytes,
    Receive,
    Request,
    Scope,
    Send,
    asks_to_explain,
    overloaded,
)
from server.api.service import ApiService
from server.api.tables import ServedTable
from server.api.web.form import Forms, TableForm
from server.api.web.pages import error_page, wants_html
from server.connections.clients import Clients
from server.connections.errors import HttpError
from server.outbox.idempotency import KeptResponse
from tabular.encoding.row import MAX_RECORD_BYTES
from tabular.errors import TabularError
from tabular.logs.set_up import set_up_process
from tabular.wiring import Wiring, wire

log = logging.getLogger(__name__)

Route = Callable[[Request], Awaitable[None]]

CANNOT_LOAD = 4  # the exit code by which gunicorn knows that starting the worker again would not help


def create_app() -> Application:
    """The application, with a verified model loaded and its background threads started; exits if it must not serve."""
    set_up_process("api")
    try:
        return Application(wire())
    except TabularError as error:
        log.critical("the API does not start: %s", error)
        sys.exit(CANNOT_LOAD)


class Application:
    """The routes of one worker; `clients` are the connections that it may keep. Raises TabularError like ApiService."""

    def __init__(self, wiring: Wiring) -> None:
        self._settings = settings = wiring.settings
        self._service = service = ApiService(wiring)
        self._metrics = service.metrics
        forms_at = {path: table for table in service.tables.values() for path in table.form_paths}
        self._access = Access(settings, {*service.paths, *forms_at})
        self._cors = Cors(settings.cors_origins, service.paths)
        self._pages = Pages(service, settings)
        self._held_bytes = HeldBytes()
        self._rejections = RejectionLog()
        self._queued = 0
        self._routes: dict[str, Route] = {
            "/health/live": lambda request: _health(request, lambda: {"status": "live"}),
            "/health/ready": lambda request: _health(request, service.readiness),
        }
        handlers = Handlers(service.first.predictor, service.outbox, service.metrics, settings)
        for table in service.tables.values():
            self._routes |= self._routes_of(table, handlers.of(table.predictor, table.prefix))
        forms = Forms(service.tables.values(), settings, self._access, self._if_not_overloaded)
        for path, table in forms_at.items():
            form = TableForm(table, handlers.of(table.predictor, table.prefix), forms)
            self._routes[path] = lambda request, form=form: self._form(request, form)  # type: ignore[misc]
        self._prefixes = {path: table.prefix for table in service.tables.values() for path in table.paths}
        self.clients = Clients(
            settings.api_max_connections,
            settings.api_max_connections_per_peer,
            lambda status: self._metrics.error(OTHER, status),
            settings.api_keep_alive_seconds,
        )
        service.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request; whatever goes wrong with it becomes its response, here and nowhere else."""
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        request = Request(scope, receive, send, self._held_bytes)
        if self._cors:
            request.response_headers += self._cors.headers(request)
        try:
            self._access.check(request)
            if self._cors and (permission := self._cors.permission(request)) is not None:
                await request.respond(204, permission, b"")
                return
            await self._routes.get(request.path, self._page)(request)
        except ClientDisconnected:
            return
        except Exception as raised:  # noqa: BLE001 - one request must not take the others with it
            error = http_error(raised, request.id.value)
        else:
            return
        finally:
            request.hold(0)
        error.prefix, error.request_id = self._prefixes.get(request.path, ""), request.id.value
        self._metrics.error(request.path, error.status)
        self._rejections.note(request, error)
        await request.respond(error.status, *(error_page(error) if wants_html(request) else error.response()))

    def _routes_of(self, table: ServedTable, handlers: Handlers) -> dict[str, Route]:
        max_bytes = min(self._settings.max_body_bytes, MAX_RECORD_BYTES)

        async def single(request: Request) -> None:
            self._access.check_body(request, JSON)
            await self._predict(request, JSON, max_bytes, handlers.single)

        async def batch(request: Request) -> None:
            media = self._access.check_body(request, JSON, NDJSON)
            handler = handlers.lines if media == NDJSON else handlers.array
            await self._predict(request, media, self._settings.max_body_bytes, handler)

        settings, service = self._settings, self._service
        taking = LabelHandlers(table.predictor, handlers, service.outbox, self._metrics, settings.max_batch_rows)

        async def labels(request: Request) -> None:
            media = self._access.check_body(request, JSON, NDJSON)
            handler = taking.lines if media == NDJSON else taking.json
            await self._predict(request, JSON, settings.max_body_bytes, handler)

        by_route = {SINGLE: single, BATCH: batch, LABELS: labels}
        return {path: by_route[route] for path, (route, _) in table.paths.items()}

    async def _predict(self, request: Request, media: str, max_bytes: int, handler: Handler) -> None:
        started = perf_counter()
        coding = self._access.coding(request)
        explain = asks_to_explain(request.scope["query_string"]) if request.scope["query_string"] else False
        body = Body(await request.body(max_bytes), coding, max_bytes, request.id)
        if self._queued >= self._settings.api_max_queued_requests:
            self._metrics.shed()
            raise overloaded()
        self._queued += 1
        try:
            response = await handler(body, request.header(b"idempotency-key"), explain=explain)
        finally:
            self._queued -= 1
        self._metrics.served(request.path, perf_counter() - started)
        if isinstance(response, KeptResponse):
            self._metrics.replayed()
            request.response_headers = [*request.response_headers, (b"idempotent-replayed", b"true")]
            response = response.body
        request.hold(len(response))  # the body has been used, the response is there until it is taken
        await request.respond(200, _headers(media, response), response)

    async def _page(self, request: Request) -> None:
        await request.respond(*await self._pages.response(request))

    async def _form(self, request: Request, form: TableForm) -> None:
        if request.path == "/" and request.method in {"GET", "HEAD"} and not wants_html(request):
            await self._page(request)  # a program is led to the description
            return
        status, headers, body = await form.response(request)
        if status >= 400:
            self._metrics.error(request.path, status)
            self._rejections.note(request, HttpError(status, ""))
        request.hold(len(body))
        await request.respond(status, headers, body)

    async def _if_not_overloaded(self, run: Callable[[], Awaitable[bytes | KeptResponse]]) -> bytes | KeptResponse:
        if self._queued >= self._settings.api_max_queued_requests:
            self._metrics.shed()
            raise overloaded()
        self._queued += 1
        try:
            return await run()
        finally:
            self._queued -= 1

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _health(request: Request, state: Callable[[], Mapping[str, Any]]) -> None:
    # Not a page: it needs no thread, so it is served however busy they are.
    if request.method not in {"GET", "HEAD"}:
        raise HttpError(405, "this path does not take this method", headers={"Allow": "GET, HEAD"})
    response = msgspec.json.encode(state())
    await request.respond(200, _headers(JSON, response), response)


def _headers(media: str, body: bytes) -> Headers:
    return [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
