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
            row = model.bundle.codec.decode(_not_empty(body))
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
        answers = self._answers(model, rows, key)
        counts = {"answered": len(rows.positions), "refused": len(rows.refused)}
        return msgspec.json.encode({"predictions": answers, **counts, **rows.refused.not_listed})

    def lines(self, body: bytes, key: str | None) -> bytes:
        """Answer newline-delimited JSON, a line a row; blank lines are not rows."""
        model = self._predictor.model
        rows = rows_of_lines(model, _not_empty(body), self._max_batch_rows)
        answers = self._answers(model, rows, key)
        last = [rows.refused.not_listed] if rows.refused.not_listed else []
        return msgspec.json.Encoder().encode_lines([*answers, *last])

    def _answers(self, model: Model, rows: BatchRows, key: str | None) -> Sequence[Any]:
        """An answer for each row that has one of its own, in the order of the body."""
        ids = new_ids(len(rows)) if key is None else _row_ids(_checked(key), len(rows))
        self._metrics.refused(len(rows.refused))
        listed = rows.refused.listed
        if rows.columns is None:
            return list(listed.values())
        batch = model.many(rows.columns, [ids[at] for at in rows.positions] if rows.refused else ids, "api")
        self._outbox.append(batch)
        self._metrics.batch(batch)
        answers = numbered_replies(batch, rows.positions, model.bundle.contract)
        if not listed:
            return answers
        by_position = listed | dict(zip(rows.positions, answers, strict=True))
        return [by_position[at] for at in sorted(by_position)]


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
