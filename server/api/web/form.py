"""The form of a table: shown, and sent. What is typed goes the way of every other row, by the handlers of `/predict`.

A browser cannot put a key into a header, so a form has it in a field, and its body is read before the key is checked:
at most `FORMS_AT_ONCE` of a worker are read or worked on at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from server.api.access.request_id import RequestId
from server.api.access.rules import Access
from server.api.compression import IDENTITY, Body
from server.api.errors import http_error
from server.api.handlers import Handlers
from server.api.request import Headers, Request, overloaded
from server.api.tables import ServedTable
from server.api.web.pages import media_of, page, wants_html
from server.api.web.record import record_of
from server.api.web.result import curl_of, result_of
from server.api.web.rows import batch_of_csv, csv_of_batch, faults_of_batch
from server.api.web.submitted import FORM, MAX_FIELDS_BYTES, MULTIPART, Submitted, submitted
from server.api.web.view import FormView
from server.connections.errors import HttpError
from server.outbox.idempotency import KeptResponse
from tabular.errors import Fault, Rejected, TabularError
from tabular.settings import Settings

FORMS_AT_ONCE = 2
TEMPLATE = "form.html"
CSV, SCORES = "text/csv", "scores.csv"
ALLOWED = "GET, HEAD, POST"
Page = tuple[int, Headers, bytes]
Result = TypeVar("Result")
Queue = Callable[[Callable[[], Awaitable[bytes | KeptResponse]]], Awaitable[bytes | KeptResponse]]
"""Runs a handler if not too many requests are queued; raises HttpError if they are."""


class Forms:
    """What the forms of one worker share: how many are worked on, and the thread in which pages are made."""

    def __init__(self, tables: Collection[ServedTable], settings: Settings, access: Access, queue: Queue) -> None:
        self.tables, self.settings, self.access, self.queue = tables, settings, access, queue
        self._sent = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="form")

    def in_thread(self, run: Callable[[], Result]) -> Awaitable[Result]:
        """What it returns, run in the thread of the forms."""
        return asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def taken(self, work: Callable[[], Awaitable[Page]]) -> Page:
        """The page that comes of a form that was sent; raises HttpError while too many are worked on."""
        if self._sent >= FORMS_AT_ONCE:
            raise overloaded()
        self._sent += 1
        try:
            return await work()
        finally:
            self._sent -= 1


class TableForm:
    """The form of one table."""

    def __init__(self, table: ServedTable, handlers: Handlers, forms: Forms) -> None:
        self._table, self._handlers, self._forms = table, handlers, forms
        self._access, self._settings = forms.access, forms.settings

    async def response(self, request: Request) -> Page:
        """The page of the request; raises HttpError and what the handlers raise."""
        if request.method == "POST":
            self._access.check_origin(request)
            return await self._forms.taken(lambda: self._sent(request))
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "this path does not take this method", headers={"Allow": ALLOWED})
        if not self._access.opens_pages(request):
            return await self._closed(200, "")
        view = self._view(request)
        return await self._forms.in_thread(lambda: page(200, TEMPLATE, view.empty()))

    async def _sent(self, request: Request) -> Page:
        media = media_of(request)
        if media not in {FORM, MULTIPART}:
            raise HttpError(415, f"this path reads the form of its page, as {FORM} or {MULTIPART}")
        body = await request.body(MAX_FIELDS_BYTES if media == FORM else self._settings.max_body_bytes)
        content_type = request.header(b"content-type") or ""
        sent = await self._forms.in_thread(lambda: submitted(body, content_type))
        if not self._access.is_key(sent.api_key) and not self._access.has_key(request):
            return await self._without_key(request, sent)
        view = self._view(request, sent)
        if sent.is_key_alone:
            return await self._forms.in_thread(lambda: page(200, TEMPLATE, view.empty()))
        try:
            return await (self._file if sent.has_file_field else self._row)(view, sent, request.id)
        except (HttpError, TabularError) as raised:
            error = http_error(raised, request.id.value)
            if error.status != 422 or not wants_html(request):
                raise error from None
            return await self._forms.in_thread(lambda: page(422, TEMPLATE, view.faulty(error)))

    async def _row(self, view: FormView, sent: Submitted, known_as: RequestId) -> Page:
        """The prediction of the row that was typed, with its reasons."""
        contract = view.contract
        record = record_of(contract, sent.texts)
        body = msgspec.json.encode(record)
        response = await self._forms.queue(lambda: self._handlers.single(_plain(body, known_as), None, explain=True))

        def made() -> Page:
            result = result_of(contract, record, _bytes(response))
            curl = curl_of(view.address, record, needs_key=self._access.needs_key)
            return page(200, TEMPLATE, view.served(result, curl))

        return await self._forms.in_thread(made)

    async def _file(self, view: FormView, sent: Submitted, known_as: RequestId) -> Page:
        """The predictions of the rows of a file, to be kept as a CSV."""
        if sent.file is None:
            raise Rejected("no file was chosen", [Fault("file", "is missing", "a CSV with a header")])
        contract, file = view.contract, sent.file
        limits = (self._settings.max_batch_rows, self._settings.max_body_bytes)
        body = await self._forms.in_thread(lambda: batch_of_csv(contract, file, *limits))
        response = _bytes(await self._forms.queue(lambda: self._handlers.array(_plain(body, known_as), None)))
        if faults := await self._forms.in_thread(lambda: faults_of_batch(response)):
            raise Rejected("no row of the file is valid under the contract", faults)
        scores = await self._forms.in_thread(lambda: csv_of_batch(contract, response))
        return 200, _of_file(scores), scores

    async def _without_key(self, request: Request, sent: Submitted) -> Page:
        why = "The API key is wrong." if sent.api_key else "Enter the API key."
        if not wants_html(request):
            self._access.check_key(request)
        if not self._access.opens_pages(request):
            return await self._closed(401, why)
        view = self._view(request, sent)
        return await self._forms.in_thread(lambda: page(401, TEMPLATE, view.wrong_key(why)))

    async def _closed(self, status: int, why: str) -> Page:
        """The page that asks for the key and tells nothing of the table."""
        return await self._forms.in_thread(lambda: page(status, "key.html", {"problem": why}))

    def _view(self, request: Request, sent: Submitted | None = None) -> FormView:
        others = [table for table in self._forms.tables if table is not self._table]
        return FormView.of(self._table, others, self._settings, request, sent or Submitted())


def _of_file(scores: bytes) -> Headers:
    return [
        (b"content-type", f"{CSV}; charset=utf-8".encode()),
        (b"content-length", str(len(scores)).encode()),
        (b"content-disposition", f'attachment; filename="{SCORES}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]


def _plain(body: bytes, known_as: RequestId) -> Body:
    return Body(body, IDENTITY, len(body), known_as)


def _bytes(response: bytes | KeptResponse) -> bytes:
    return response.body if isinstance(response, KeptResponse) else response
