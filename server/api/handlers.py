"""The handlers of the two prediction routes, without HTTP: a body in, the bytes of the response out.

Each reads the rows, scores them, writes the predictions to the outbox, counts them, and only then responds.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import msgspec

from server.api.access.request_id import RequestId
from server.api.batch import BatchRows, rows_of_array, rows_of_lines
from server.api.compression import IDENTITY, Body
from server.api.keyed_responses import replayed, write_batches
from server.api.metrics import BATCH, SINGLE, ApiMetrics
from server.api.request import SMALL_BYTES
from server.connections.errors import HttpError
from server.decoding.record import explained, read_record
from server.outbox.group_commit import GroupCommit
from server.outbox.idempotency import KeptResponse, requested
from server.outbox.queue import Outbox
from server.scoring.explanations import MAX_EXPLAINED_ROWS, explanations
from server.scoring.model import Model
from tabular.contract.types import Contract
from tabular.data.sniffing import without_mark
from tabular.encoding.row import NotJson, matrix
from tabular.errors import Fault, Rejected
from tabular.predictions.batch import PredictionBatch, numbered_replies
from tabular.predictions.prediction import Prediction, id_from_key, new_ids, reply
from tabular.settings import Settings


class Handler(Protocol):
    """From a body and its Idempotency-Key, if it has one, to the response. Raises HttpError or a TabularError."""

    def __call__(self, body: Body, key: str | None, *, explain: bool = False) -> Awaitable[bytes | KeptResponse]: ...


Result = TypeVar("Result")
Read = Callable[[Model, bytes, int, str], BatchRows]
Encode = Callable[[BatchRows, Iterable[Sequence[Any]]], bytes]

_KEY = re.compile(r"[!-~]{1,200}")


class Serving(Protocol):
    """Who has the model that serves now."""

    @property
    def model(self) -> Model: ...


@dataclass(frozen=True)
class Scored:
    """A prediction that is not written yet, its response, and the same to be kept if the request has a key."""

    prediction: Prediction
    response: bytes
    kept: KeptResponse | None


class Handlers:
    """The handlers of one worker. They are awaited in the event loop's thread; batches run in threads of their own."""

    def __init__(self, predictor: Serving, outbox: Outbox, metrics: ApiMetrics, settings: Settings) -> None:
        self._predictor = predictor
        self._outbox = outbox
        self._metrics = metrics
        self._max_batch_rows = settings.max_batch_rows
        self._group = GroupCommit(outbox)
        self._pool = ThreadPoolExecutor(settings.api_threads, thread_name_prefix="batch")
        self._prefix = ""

    def of(self, predictor: Serving, prefix: str) -> Handlers:
        """The handlers of a further table under this path: its threads and its commits of the outbox are these."""
        further = copy.copy(self)
        further._predictor, further._prefix = predictor, prefix  # noqa: SLF001 - of its own class
        return further

    async def single(self, body: Body, key: str | None, *, explain: bool = False) -> bytes | KeptResponse:
        """One JSON object: its prediction is on disk when this returns. Raises HttpError, Rejected or Unavailable."""
        if explain:
            scored = await self.in_thread(lambda: self._scored(body.unpacked(), key, body.request_id, explain=True))
        elif body.coding == IDENTITY and len(body.sent) <= SMALL_BYTES:
            scored = self._scored(body.sent, key, body.request_id)
        else:
            # Unpacked by the thread that uses it, so that no more of them are there than threads.
            scored = await self.in_thread(lambda: self._scored(body.unpacked(), key, body.request_id))
        if isinstance(scored, KeptResponse):
            return scored
        standing = await self._group.append(scored.prediction, scored.kept)
        if scored.kept is not None and standing is not None and standing is not scored.kept:
            return replayed(standing, scored.kept)  # of two at once with the same key the first is served
        self._metrics.row(scored.prediction)
        return scored.response

    async def array(self, body: Body, key: str | None, *, explain: bool = False) -> bytes | KeptResponse:
        """A JSON array, row by row, whatever is wrong with some of them. Raises HttpError, NotJson or Unavailable."""
        return await self.in_thread(lambda: self._batch(body, key, rows_of_array, _array, explain=explain))

    async def lines(self, body: Body, key: str | None, *, explain: bool = False) -> bytes | KeptResponse:
        """Newline-delimited JSON, a line a row; blank lines are not rows. Raises HttpError, NotJson or Unavailable."""
        return await self.in_thread(lambda: self._batch(body, key, rows_of_lines, _lines, explain=explain))

    def in_thread(self, run: Callable[[], Result]) -> Awaitable[Result]:
        """What it returns, run in one of the threads of batches."""
        return asyncio.get_running_loop().run_in_executor(self._pool, run)

    def _scored(
        self, body: bytes, key: str | None, sent_as: RequestId, *, explain: bool = False
    ) -> Scored | KeptResponse:
        """The prediction of one row, not written yet, or the response that its key was given before."""
        asked, earlier = self.known(key, SINGLE, body, explain=explain)
        if earlier is not None:
            return earlier
        model = self._predictor.model
        try:
            row = read_record(model.bundle, not_empty(body))
        except Rejected:
            self._metrics.rejected_rows(model.table, 1)
            raise
        known_as = asked.id if asked else sent_as.of_prediction()
        prediction = model.one(row, known_as, "api", sent_as.beside(known_as))
        said = reply(prediction, model.bundle.contract)
        if explain:
            said |= explanations(model, matrix([row]))[0]
        response = msgspec.json.encode(said)
        return Scored(prediction, response, replace(asked, body=response) if asked else None)

    def _batch(self, sent: Body, key: str | None, read: Read, encode: Encode, *, explain: bool) -> bytes | KeptResponse:
        """Read, score, write to the outbox: the response, or the one that the key was given before."""
        body, sent_as = sent.unpacked(), sent.request_id.value
        asked, earlier = self.known(key, f"{BATCH} {read.__name__}", body, explain=explain)
        if earlier is not None:
            return earlier
        model, body = self._predictor.model, without_mark(not_empty(body))
        try:
            max_rows = min(self._max_batch_rows, MAX_EXPLAINED_ROWS) if explain else self._max_batch_rows
            rows = read(model, body, max_rows, self._prefix)
        except NotJson as error:
            raise explained(body, error) from error
        ids = new_ids(len(rows)) if key is None else _row_ids(self._scoped(key), len(rows))
        batches = [model.many(part.columns, [ids[at] for at in part.positions], "api", sent_as) for part in rows.parts]
        replies = (
            _explained_replies(rows, batches, model) if explain else _replies(rows, batches, model.bundle.contract)
        )
        response = encode(rows, replies)
        if (standing := write_batches(self._outbox, batches, asked, response)) is not None:
            return standing
        self._metrics.rejected_rows(model.table, len(rows.rejected))
        for batch in batches:
            self._metrics.rows(batch)
        return response

    def known(
        self, key: str | None, route: str, body: bytes, *, explain: bool = False
    ) -> tuple[KeptResponse | None, KeptResponse | None]:
        """The request of this key, and the response it was given before; raises HttpError if that was another body."""
        if key is None:
            return None, None
        # The row's own id, or one that no row of a batch has: their positions are numbers, and a key has no spaces.
        scoped = self._scoped(_checked(key))
        known_as = id_from_key(scoped if route == SINGLE else f"{scoped} batch")
        asked = requested(known_as, f"{route} explained" if explain else route, body)
        earlier = self._outbox.response(asked.id)
        return asked, None if earlier is None else replayed(earlier, asked)

    def _scoped(self, key: str) -> str:
        """The key among all tables: two tables may be sent the same one. No key has a space, so none is another's."""
        return f"{self._prefix}  {key}" if self._prefix else key


def _array(rows: BatchRows, replies: Iterable[Sequence[Any]]) -> bytes:
    predictions = b",".join(msgspec.json.encode(part)[1:-1] for part in replies if part)
    counts = {"served": len(rows) - len(rows.rejected), "rejected": len(rows.rejected)}
    last = msgspec.json.encode(counts | dict(rows.rejected.not_listed))
    return b'{"predictions":[%b],%b' % (predictions, last[1:])


def _lines(rows: BatchRows, replies: Iterable[Sequence[Any]]) -> bytes:
    last = [rows.rejected.not_listed] if rows.rejected.not_listed else []
    return b"".join(map(msgspec.json.Encoder().encode_lines, (*replies, last)))


def _replies(rows: BatchRows, batches: Sequence[PredictionBatch], contract: Contract) -> Iterator[Sequence[Any]]:
    """A reply for each row that has one of its own, in the order of the body, some at a time."""
    listed = dict(rows.rejected.listed)
    for part, batch in zip(rows.parts, batches, strict=True):
        yield _merged(listed, part.positions, numbered_replies(batch, part.positions, contract))
    yield list(listed.values())


def _explained_replies(rows: BatchRows, batches: Sequence[PredictionBatch], model: Model) -> Iterator[Sequence[Any]]:
    """The same, and why each was scored so."""
    listed = dict(rows.rejected.listed)
    for part, batch in zip(rows.parts, batches, strict=True):
        reasons = explanations(model, part.columns.matrix)
        every = zip(part.positions, batch, reasons, strict=True)
        contract = model.bundle.contract
        yield _merged(listed, part.positions, [{"row": row, **reply(one, contract), **why} for row, one, why in every])
    yield list(listed.values())


def _merged(listed: dict[int, Any], positions: Sequence[int], replies: Sequence[Any]) -> Sequence[Any]:
    """Replies with the rejected rows that come before the last of them, which are no longer `listed` then."""
    before = [row for row in listed if row < positions[-1]]
    if not before:
        return replies
    by_position = {row: listed.pop(row) for row in before} | dict(zip(positions, replies, strict=True))
    return [by_position[row] for row in sorted(by_position)]


def not_empty(body: bytes) -> bytes:
    """The body; raises HttpError for one of nothing but blanks."""
    if not body or body.isspace():
        raise HttpError(400, "the body is empty", "empty_body", "Send the features as JSON; /docs has an example.")
    return body


def _checked(key: str) -> str:
    if _KEY.fullmatch(key):
        return key
    fault = Fault("Idempotency-Key", "is not usable as a key", "1 to 200 visible ASCII characters", key[:200])
    raise HttpError(400, "the header Idempotency-Key cannot be used", "bad_idempotency_key", faults=[fault])


def _row_ids(key: str, rows: int) -> list[str]:
    return [id_from_key(f"{key} {row}") for row in range(rows)]  # a key has no spaces, so no other request has these
