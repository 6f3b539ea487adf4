"""The API without explanations: its own code with what asks about `?explain=1` taken out of the path of a plain row.

    gunicorn --config server/gunicorn.conf.py "benchmarks.serving.without_explain:create_app()"

What is taken out is written out below, as it stands in `server/api/{app,handlers}.py` otherwise: the benchmark compares
the responses of both servers before it loads them.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import msgspec

from server.api.app import Application, Route, _headers
from server.api.compression import IDENTITY, Body
from server.api.handlers import Handlers, Scored, _not_empty, replayed
from server.api.metrics import SINGLE
from server.api.openapi import JSON
from server.api.request import SMALL_BYTES, Request, overloaded
from server.api.tables import ServedTable
from server.decoding.record import read_record
from server.outbox.idempotency import KeptResponse
from tabular.encoding.row import MAX_RECORD_BYTES
from tabular.errors import Rejected
from tabular.predictions.prediction import new_id, reply
from tabular.wiring import set_up_process, wire


def create_app() -> PlainApplication:
    """The application, as `server.api.app.create_app` makes its own."""
    set_up_process()
    return PlainApplication(wire())


class PlainHandlers(Handlers):
    """Handlers of rows whose scores nobody wants explained."""

    async def plain(self, body: Body, key: str | None) -> bytes | KeptResponse:
        """One JSON object, as `single`."""
        if body.coding == IDENTITY and len(body.sent) <= SMALL_BYTES:
            scored = self._plainly_scored(body.sent, key)
        else:
            scored = await self._in_thread(lambda: self._plainly_scored(body.unpacked(), key))
        if isinstance(scored, KeptResponse):
            return scored
        standing = await self._group.append(scored.prediction, scored.kept)
        if scored.kept is not None and standing is not None and standing is not scored.kept:
            return replayed(standing, scored.kept)
        self._metrics.row(scored.prediction)
        return scored.response

    def _plainly_scored(self, body: bytes, key: str | None) -> Scored | KeptResponse:
        asked, earlier = (None, None) if key is None else self._known(key, SINGLE, body)
        if earlier is not None:
            return earlier
        model = self._predictor.model
        try:
            row = read_record(model.bundle, _not_empty(body))
        except Rejected:
            self._metrics.rejected_rows(model.table, 1)
            raise
        prediction = model.one(row, asked.id if asked else new_id(), "api")
        response = msgspec.json.encode(reply(prediction, model.bundle.contract))
        return Scored(prediction, response, replace(asked, body=response) if asked else None)


class PlainApplication(Application):
    """The API whose `/predict` cannot be asked to explain."""

    def _routes_of(self, table: ServedTable, handlers: Handlers) -> dict[str, Route]:
        plain = PlainHandlers.__new__(PlainHandlers)
        plain.__dict__.update(handlers.__dict__)
        max_bytes = min(self._settings.max_body_bytes, MAX_RECORD_BYTES)

        async def single(request: Request) -> None:
            self._access.check_body(request, JSON)
            await self._plainly_predicted(request, max_bytes, plain)

        routes: dict[str, Any] = super()._routes_of(table, handlers)
        return routes | {path: single for path, (route, _) in table.paths.items() if route == SINGLE}

    async def _plainly_predicted(self, request: Request, max_bytes: int, handlers: PlainHandlers) -> None:
        started = perf_counter()
        coding = self._access.coding(request)
        body = Body(await request.body(max_bytes), coding, max_bytes)
        if self._queued >= self._settings.api_max_queued_requests:
            self._metrics.shed()
            raise overloaded()
        self._queued += 1
        try:
            response = await handlers.plain(body, request.header(b"idempotency-key"))
        finally:
            self._queued -= 1
        self._metrics.served(request.path, perf_counter() - started)
        if isinstance(response, KeptResponse):
            self._metrics.replayed()
            request.response_headers = [*request.response_headers, (b"idempotent-replayed", b"true")]
            response = response.body
        request.hold(len(response))
        await request.respond(200, _headers(JSON, response), response)
