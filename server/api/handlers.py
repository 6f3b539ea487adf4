"""What stands behind the prediction routes, without HTTP: bytes in, bytes out; else `Refusal` or a TabularError."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from server.api.batch import BatchRows, rows_of_array, rows_of_lines
from server.api.errors import Refusal
from server.api.metrics import BATCH, SINGLE, ApiMetrics
from server.decoding.record import explained, read_record
from server.outbox.idempotency import KeptAnswer, unanswered
from server.outbox.queue import Outbox
from server.scoring.model import Model
from server.scoring.predictor import Predictor
from tabular.contract.types import Contract
from tabular.data.sniffing import without_mark
from tabular.encoding.row import NotJson
from tabular.errors import Fault, Rejected
from tabular.predictions.batch import PredictionBatch, numbered_replies
from tabular.predictions.prediction import Prediction, id_from_key, new_id, new_ids, reply

_KEY = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True)
class Scored:
    """A prediction that is not written down yet, its answer, and the same to be kept if the request has a key."""

    prediction: Prediction
    answer: bytes
    kept: KeptAnswer | None


class Handlers:
    """Scores single rows and batches; a batch is in the outbox when it is answered, a row its caller writes down."""

    def __init__(self, predictor: Predictor, outbox: Outbox, metrics: ApiMetrics, max_batch_rows: int) -> None:
        self._predictor = predictor
        self._outbox = outbox
        self._metrics = metrics
        self._max_batch_rows = max_batch_rows

    def predict(self, body: bytes, key: str | None) -> Scored | KeptAnswer:
        """Score one JSON object, or find the answer that its key was given; counts the row if it is refused."""
        asked, earlier = self._known(key, SINGLE, body)
        if earlier is not None:
            return earlier
        model = self._predictor.model
        try:
            row = read_record(model.bundle, _not_empty(body))
        except Rejected:
            self._metrics.refused(1)
            raise
        prediction = model.one(row, asked.id if asked else new_id(), "api")
        answer = msgspec.json.encode(reply(prediction, model.bundle.contract))
        return Scored(prediction, answer, replace(asked, body=answer) if asked else None)

    def array(self, body: bytes, key: str | None) -> bytes | KeptAnswer:
        """Answer a JSON array, row by row and in order, whatever is wrong with some of them."""

        def encoded(rows: BatchRows, answers: Iterable[Sequence[Any]]) -> bytes:
            predictions = b",".join(msgspec.json.encode(part)[1:-1] for part in answers if part)
            counts = {"answered": len(rows) - len(rows.refused), "refused": len(rows.refused)}
            last = msgspec.json.encode(counts | dict(rows.refused.not_listed))
            return b'{"predictions":[%b],%b' % (predictions, last[1:])

        return self._batch(body, key, rows_of_array, encoded)

    def lines(self, body: bytes, key: str | None) -> bytes | KeptAnswer:
        """Answer newline-delimited JSON, a line a row; blank lines are not rows."""

        def encoded(rows: BatchRows, answers: Iterable[Sequence[Any]]) -> bytes:
            last = [rows.refused.not_listed] if rows.refused.not_listed else []
            return b"".join(map(msgspec.json.Encoder().encode_lines, (*answers, last)))

        return self._batch(body, key, rows_of_lines, encoded)

    def _batch(
        self,
        body: bytes,
        key: str | None,
        read: Callable[[Model, bytes, int], BatchRows],
        encoded: Callable[[BatchRows, Iterable[Sequence[Any]]], bytes],
    ) -> bytes | KeptAnswer:
        """Read, score, write down: the answer, or the one that the key was given."""
        asked, earlier = self._known(key, f"{BATCH} {read.__name__}", body)
        if earlier is not None:
            return earlier
        model, body = self._predictor.model, without_mark(_not_empty(body))
        try:
            rows = read(model, body, self._max_batch_rows)
        except NotJson as error:
            raise explained(body, error) from error
        ids = new_ids(len(rows)) if key is None else _row_ids(key, len(rows))
        batches = [model.many(part.columns, [ids[at] for at in part.positions], "api") for part in rows.parts]
        answer = encoded(rows, _replies(rows, batches, model.bundle.contract))
        if asked and batches:
            kept = replace(asked, body=answer)
            if (standing := self._outbox.append_batch(batches, kept)) is not kept:
                return replayed(standing, kept)
        elif batches:
            self._outbox.append(*batches)
        self._metrics.refused(len(rows.refused))
        for batch in batches:
            self._metrics.batch(batch)
        return answer

    def _known(self, key: str | None, route: str, body: bytes) -> tuple[KeptAnswer | None, KeptAnswer | None]:
        """The request of this key, and the answer that it was given before; raises Refusal if that was another body."""
        if key is None:
            return None, None
        # The row's own id, or one that no row of a batch has: their positions are numbers, and a key has no spaces.
        known_as = id_from_key(_checked(key) if route == SINGLE else f"{_checked(key)} batch")
        asked = unanswered(known_as, route, body)
        earlier = self._outbox.answer(asked.id)
        return asked, None if earlier is None else replayed(earlier, asked)


def replayed(earlier: KeptAnswer, asked: KeptAnswer) -> KeptAnswer:
    """The earlier answer to the same request; raises Refusal for another request under the same key."""
    if earlier.digest == asked.digest:
        return earlier
    fault = Fault("Idempotency-Key", "was used with another body or media type here", "the same request, or a new key")
    raise Refusal(
        422,
        "this Idempotency-Key has been used for another request, so nothing was predicted for this one",
        "idempotency_key_reused",
        "Choose a new key for every new question; to repeat a request, send the same bytes with its key.",
        [fault],
    )


def _replies(rows: BatchRows, batches: Sequence[PredictionBatch], contract: Contract) -> Iterator[Sequence[Any]]:
    """An answer for each row that has one of its own, in the order of the body, some at a time."""
    listed = dict(rows.refused.listed)
    for part, batch in zip(rows.parts, batches, strict=True):
        yield _merged(listed, part.positions, numbered_replies(batch, part.positions, contract))
    yield list(listed.values())


def _merged(listed: dict[int, Any], positions: Sequence[int], replies: Sequence[Any]) -> Sequence[Any]:
    """Replies with the refused rows that come before the last of them, which are no longer `listed` then."""
    before = [row for row in listed if row < positions[-1]]
    if not before:
        return replies
    by_position = {row: listed.pop(row) for row in before} | dict(zip(positions, replies, strict=True))
    return [by_position[row] for row in sorted(by_position)]


def _not_empty(body: bytes) -> bytes:
    if not body or body.isspace():
        raise Refusal(400, "the body is empty", "empty_body", "Send the features as JSON; /docs has an example.")
    return body


def _checked(key: str) -> str:
    if _KEY.fullmatch(key):
        return key
    fault = Fault("Idempotency-Key", "is not usable as a key", "1 to 200 visible ASCII characters", key[:200])
    raise Refusal(400, "the header Idempotency-Key cannot be used", "bad_idempotency_key", faults=[fault])


def _row_ids(key: str, rows: int) -> list[str]:
    return [id_from_key(f"{key} {row}") for row in range(rows)]  # a key has no spaces, so no other request has these
