"""The API: `gunicorn --config server/gunicorn.conf.py "server.api.app:create_app()"`, an ASGI application.

Single rows are answered in the event loop's thread, but for very long ones; batches and pages in pools of threads. A
request is refused by what its head says (name of the host, key, type, length) before any of its body is read.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeVar, TypeVarTuple

import msgspec

from server.api.access import Access
from server.api.compression import IDENTITY, unpacked
from server.api.cors import Cors
from server.api.errors import Refusal, refused
from server.api.handlers import replayed
from server.api.metrics import BATCH, OTHER, ROUTES, SINGLE
from server.api.openapi import JSON, NDJSON
from server.api.pages import Pages
from server.api.request import SMALL_BYTES, ClientGone, Headers, Receive, Request, Scope, Send
from server.api.service import ApiService
from server.connections.clients import CLIENTS, Clients, keep_order
from server.connections.held_bytes import HeldBytes, overloaded
from server.outbox.group_commit import GroupCommit
from server.outbox.idempotency import KeptAnswer
from tabular.encoding.row import MAX_RECORD_BYTES
from tabular.errors import TabularError
from tabular.wiring import Wiring, set_up_process, wire

log = logging.getLogger(__name__)

Given = TypeVarTuple("Given")
Result = TypeVar("Result")

CANNOT_LOAD = 4  # the exit code by which gunicorn knows that starting the worker again would not help


def create_app() -> Application:
    """The application, with a verified model loaded and its background threads started; exits if it must not serve."""
    set_up_process()
    try:
        return Application(wire())
    except TabularError as error:
        log.critical("the API does not start: %s", error)
        sys.exit(CANNOT_LOAD)


class Application:
    """The routes of one worker."""

    def __init__(self, wiring: Wiring) -> None:
        self._settings = settings = wiring.settings
        self._service = ApiService(wiring)
        self._metrics = self._service.metrics
        self._handlers = self._service.handlers
        self._access = Access(settings)
        self._cors = Cors(settings.cors_origins)
        self._pages = Pages(self._service, settings)
        self._group = GroupCommit(self._service.outbox, self._metrics)
        self._pool = ThreadPoolExecutor(settings.api_threads, thread_name_prefix="batch")
        self._held_bytes = HeldBytes()
        self._waiting = 0
        self._routes: dict[str, Callable[[Request], Awaitable[None]]] = {
            SINGLE: self._single,
            BATCH: self._batch,
            "/health/live": lambda request: _health(request, lambda: {"status": "live"}),
            "/health/ready": lambda request: _health(request, self._service.readiness),
        }
        self._service.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong with it becomes its answer."""
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        request = Request(scope, receive, send, self._held_bytes)
        if self._cors:
            request.answer_headers = self._cors.headers(request)
        try:
            self._access.check(request)
            if self._cors and (permission := self._cors.permission(request)) is not None:
                await request.answer(204, permission, b"")
                return
            await self._routes.get(request.path, self._page)(request)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - one request must not take the others with it
            refusal = refused(error)
        else:
            return
        finally:
            request.holding.release()
        self._metrics.request(request.path if request.path in ROUTES else OTHER, refusal.status)
        await request.answer(refusal.status, *refusal.message_parts())

    async def _single(self, request: Request) -> None:
        started = perf_counter()
        self._access.check_body(request, JSON)
        coding, max_bytes = self._access.coding(request), min(self._settings.max_body_bytes, MAX_RECORD_BYTES)
        body = await request.body(max_bytes)
        self._wait()
        try:
            answer = await self._predicted(body, coding, max_bytes, request.header(b"idempotency-key"), started)
        finally:
            self._waiting -= 1
        if isinstance(answer, KeptAnswer):
            await self._replay(request, JSON, answer, started)
        else:
            await request.answer(200, _headers(JSON, answer), answer)

    async def _predicted(
        self, body: bytes, coding: str, max_bytes: int, key: str | None, started: float
    ) -> bytes | KeptAnswer:
        """The answer to one row, once it is on disk, or the one that its key was given."""
        if coding == IDENTITY and len(body) <= SMALL_BYTES:
            scored = self._handlers.predict(body, key)
        else:
            # Unpacked by the thread that uses it, so that no more of them are there than threads.
            scored = await self._in_thread(lambda: self._handlers.predict(unpacked(body, coding, max_bytes), key))
        if isinstance(scored, KeptAnswer):
            return scored
        standing = await self._group.written(scored.prediction, started, scored.kept)
        if scored.kept is None or standing is None or standing is scored.kept:
            return scored.answer
        return replayed(standing, scored.kept)  # of two at once with the same key the first is answered

    async def _batch(self, request: Request) -> None:
        started = perf_counter()
        media = self._access.check_body(request, JSON, NDJSON)
        handler = self._handlers.lines if media == NDJSON else self._handlers.array
        coding, max_bytes = self._access.coding(request), self._settings.max_body_bytes
        body = await request.body(max_bytes)
        key = request.header(b"idempotency-key")
        self._wait()
        try:
            answer = await self._in_thread(lambda: handler(unpacked(body, coding, max_bytes), key))
        finally:
            self._waiting -= 1
        if isinstance(answer, KeptAnswer):
            await self._replay(request, media, answer, started)
            return
        request.holding.replace(len(answer))
        self._metrics.answered(BATCH, [perf_counter() - started])
        await request.answer(200, _headers(media, answer), answer)

    async def _replay(self, request: Request, media: str, answer: KeptAnswer, started: float) -> None:
        """Send the answer that was given to the same request before."""
        request.holding.replace(len(answer.body))
        self._metrics.replayed(request.path, perf_counter() - started)
        headers = [*_headers(media, answer.body), (b"idempotent-replayed", b"true")]
        await request.answer(200, headers, answer.body)

    async def _page(self, request: Request) -> None:
        status, headers, body = await self._pages.answer(request)
        if status >= 400:
            self._metrics.request(OTHER, status)
        await request.answer(status, headers, body)

    def _in_thread(self, run: Callable[[*Given], Result], *given: *Given) -> Awaitable[Result]:
        return asyncio.get_running_loop().run_in_executor(self._pool, run, *given)

    def _wait(self) -> None:
        """Be one more that waits; raises Refusal if there are too many."""
        if self._waiting >= self._settings.api_max_waiting:
            self._metrics.shed(1)
            raise overloaded()
        self._waiting += 1

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = self._settings
        clients = Clients(
            settings.api_max_connections,
            settings.api_max_connections_per_peer,
            lambda status: self._metrics.request(OTHER, status),
            settings.api_keep_alive_seconds,
        )
        scope["state"][CLIENTS] = clients
        await receive()
        order = asyncio.get_running_loop().create_task(keep_order(clients))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        order.cancel()
        self._service.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _health(request: Request, state: Callable[[], Mapping[str, Any]]) -> None:
    # Not a page: it needs no thread, so it is answered however busy they are.
    if request.method not in {"GET", "HEAD"}:
        raise Refusal(405, "this path does not take this method", headers={"Allow": "GET, HEAD"})
    answer = msgspec.json.encode(state())
    await request.answer(200, _headers(JSON, answer), answer)


def _headers(media: str, body: bytes) -> Headers:
    return [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
