"""The handler of `POST /labels`: one label, an array or a line each, all or none; on disk before the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from server.api.batch import too_many_rows
from server.api.compression import Body
from server.api.handlers import Handlers, Serving, not_empty
from server.api.keyed_responses import write_batches
from server.api.metrics import ApiMetrics
from server.connections.errors import HttpError
from server.decoding.pieces import Elements, NotThisKind, TooManyElements, pieces_of_array, pieces_of_lines
from server.decoding.record import OtherContent, explained
from server.outbox.idempotency import KeptResponse
from server.outbox.queue import Outbox
from tabular.contract.types import Contract
from tabular.data.sniffing import binary_name_of, without_mark
from tabular.encoding.row import NotJson, parse_json
from tabular.errors import Fault, InvalidRow
from tabular.labels.reading import LabelReader, Labels
from tabular.predictions.label import LabelBatch

MAX_LABEL_BYTES = 4_096
OUTBOX_LABELS = 1_000
"""How many labels are one entry of the outbox, at most: the relay reads whole entries."""

Read = Callable[[bytes, int], Iterator[object]]


class LabelHandlers:
    """The handler of one table in one worker; it runs in the threads of the batches."""

    def __init__(
        self, predictor: Serving, handlers: Handlers, outbox: Outbox, metrics: ApiMetrics, max_rows: int
    ) -> None:
        self._predictor, self._handlers, self._outbox, self._metrics = predictor, handlers, outbox, metrics
        self._max_rows = max_rows
        self._reader_of: tuple[str, LabelReader] | None = None

    async def json(self, body: Body, key: str | None, *, explain: bool = False) -> bytes | KeptResponse:
        """One JSON object or an array of them. Raises HttpError, Rejected or Unavailable."""
        return await self._in_thread(body, key, _of_json, explain=explain)

    async def lines(self, body: Body, key: str | None, *, explain: bool = False) -> bytes | KeptResponse:
        """Newline-delimited JSON, a line a label. Raises HttpError, Rejected or Unavailable."""
        return await self._in_thread(body, key, _of_lines, explain=explain)

    def _in_thread(self, body: Body, key: str | None, read: Read, *, explain: bool) -> Awaitable[bytes | KeptResponse]:
        if explain:
            raise HttpError(400, "of a label there is nothing to explain", "bad_query", "Leave explain out.")
        return self._handlers.in_thread(lambda: self._taken(body.unpacked(), key, read))

    def _taken(self, body: bytes, key: str | None, read: Read) -> bytes | KeptResponse:
        asked, earlier = self._handlers.known(key, f"labels {read.__name__}", body)
        if earlier is not None:
            return earlier
        contract: Contract = self._predictor.model.bundle.contract
        labels = self._read(without_mark(not_empty(body)), contract, read)
        counts = {"accepted": len(labels.known), "blank": labels.blank}
        response = msgspec.json.encode(counts)
        batches = [
            LabelBatch(tuple(labels.known[begin : begin + OUTBOX_LABELS]))
            for begin in range(0, len(labels.known), OUTBOX_LABELS)
        ]
        if (standing := write_batches(self._outbox, batches, asked, response)) is not None:
            return standing
        self._metrics.labels(contract.table.name, len(labels.known), labels.blank)
        return response

    def _reader(self, contract: Contract) -> LabelReader:
        if self._reader_of is None or self._reader_of[0] != contract.digest:
            self._reader_of = contract.digest, LabelReader(contract, "api")
        return self._reader_of[1]

    def _read(self, body: bytes, contract: Contract, read: Read) -> Labels:
        reader = self._reader(contract)
        received_at = datetime.now(UTC)
        try:
            if read is _of_json and not body.lstrip().startswith(b"["):
                label = reader.read(_record(body), received_at)
                return Labels([label] if label else [], int(label is None))
            labels = reader.read_all(_limited(read(body, self._max_rows), self._max_rows), received_at)
        except NotJson as error:
            raise (explained(body, error) if read is _of_json else error) from error
        if not labels.known and not labels.blank:
            raise HttpError(422, "the request holds no labels", "empty_batch", "Send at least one label.")
        return labels


def _limited(records: Iterable[object], max_rows: int) -> Iterator[object]:
    for row, record in enumerate(records):
        if row == max_rows:
            raise too_many_rows(max_rows)
        yield record


def _of_json(body: bytes, max_rows: int) -> Iterator[object]:
    try:
        for piece in pieces_of_array(body, _as_they_are, max_rows):
            yield from map(_record, piece)
    except NotThisKind as error:
        raise HttpError(
            422, "the body is JSON, but not an array", "not_an_array", "Send an object or an array."
        ) from error
    except TooManyElements as error:
        raise too_many_rows(max_rows) from error


def _of_lines(body: bytes, _: int) -> Iterator[object]:
    if (name := binary_name_of(body)) is not None:  # the lines of it are none
        raise OtherContent(name)
    for row, line in enumerate(line for lines in pieces_of_lines(body) for line in lines):
        try:
            yield _record(line)
        except NotJson as error:
            raise NotJson(f"row {row}: {error.message}") from error


def _as_they_are(_: bytes) -> Elements | None:
    return None


def _record(raw: bytes | msgspec.Raw) -> object:
    if len(raw) > MAX_LABEL_BYTES:
        fault = Fault("record", f"has {len(raw):,} bytes", f"at most {MAX_LABEL_BYTES:,} bytes")
        raise InvalidRow("a label is too large to be one", [fault])
    return parse_json(raw)
