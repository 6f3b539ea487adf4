"""What stands behind the prediction routes, without HTTP: bytes in, bytes out; else `Refusal` or a TabularError."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from server.api.batch import BatchRows, rows_of_array, rows_of_lines
from server.api.errors import Refusal
from server.api.metrics import ApiMetrics
from server.model import Model
from server.outbox import Outbox
from server.predictor import Predictor
from server.record import read_record
from tabular.errors import Fault, Rejected
from tabular.prediction import Prediction, id_from_key, new_id, new_ids, reply
from tabular.prediction_batch import numbered_replies

_KEY = re.compile(r"[!-~]{1,200}")


class Handlers:
    """Scores single rows and batches; a batch is in the outbox when it is answered, a row its caller writes down."""

    def __init__(self, predictor: Predictor, outbox: Outbox, metrics: ApiMetrics, max_batch_rows: int) -> None:
        self._predictor = predictor
        self._outbox = outbox
        self._metrics = metrics
        self._max_batch_rows = max_batch_rows

    def predict(self, body: bytes, key: str | None) -> Prediction:
        """Score one JSON object; counts the row if it is refused."""
        prediction_id = new_id() if key is None else id_from_key(_checked(key))
        model = self._predictor.model
        try:
            row = read_record(model.bundle, _not_empty(body))
        except Rejected:
            self._metrics.refused(1)
            raise
        return model.one(row, prediction_id, "api")

    def reply(self, prediction: Prediction) -> bytes:
        """What is answered to one row."""
        return msgspec.json.encode(reply(prediction, self._predictor.model.bundle.contract))

    def array(self, body: bytes, key: str | None) -> bytes:
        """Answer a JSON array, row by row and in order, whatever is wrong with some of them."""
        model = self._predictor.model
        rows = rows_of_array(model, _not_empty(body), self._max_batch_rows)
        answers = b",".join(msgspec.json.encode(part)[1:-1] for part in self._answers(model, rows, key) if part)
        counts = {"answered": len(rows) - len(rows.refused), "refused": len(rows.refused)}
        return b'{"predictions":[%b],%b' % (answers, msgspec.json.encode(counts | dict(rows.refused.not_listed))[1:])

    def lines(self, body: bytes, key: str | None) -> bytes:
        """Answer newline-delimited JSON, a line a row; blank lines are not rows."""
        model = self._predictor.model
        rows = rows_of_lines(model, _not_empty(body), self._max_batch_rows)
        last = [rows.refused.not_listed] if rows.refused.not_listed else []
        encode = msgspec.json.Encoder().encode_lines
        return b"".join(encode(part) for part in (*self._answers(model, rows, key), last))

    def _answers(self, model: Model, rows: BatchRows, key: str | None) -> list[Sequence[Any]]:
        """An answer for each row that has one of its own, in the order of the body, some at a time."""
        ids = new_ids(len(rows)) if key is None else _row_ids(_checked(key), len(rows))
        self._metrics.refused(len(rows.refused))
        batches = [model.many(part.columns, [ids[at] for at in part.positions], "api") for part in rows.parts]
        if batches:
            self._outbox.append(*batches)
        answers: list[Sequence[Any]] = []
        listed = dict(rows.refused.listed)
        for part, batch in zip(rows.parts, batches, strict=True):
            self._metrics.batch(batch)
            replies = numbered_replies(batch, part.positions, model.bundle.contract)
            answers.append(_merged(listed, part.positions, replies))
        return [*answers, list(listed.values())]


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
