"""The HTTP door without its web framework: bytes in, bytes out, `Refusal` or a TabularError for everything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from server.api_metrics import ApiMetrics
from server.batch_rows import BatchRows, rows_of_array, rows_of_lines
from server.group_commit import GroupCommit
from server.http_errors import Refusal, refusal
from server.model import Model
from server.outbox import Outbox
from server.predictor import Predictor
from tabular.errors import Fault, Rejected
from tabular.prediction import id_from_key, new_id, new_ids, reply
from tabular.prediction_batch import numbered_replies

_KEY = re.compile(r"[!-~]{1,200}")


class HttpDoor:
    """Answers single and batch requests; every prediction is in the outbox before its answer is given."""

    def __init__(self, predictor: Predictor, outbox: Outbox, metrics: ApiMetrics, max_batch_rows: int) -> None:
        self._predictor = predictor
        self._outbox = outbox
        self._metrics = metrics
        self._max_batch_rows = max_batch_rows

    def one(self, body: bytes, key: str | None, started: float, group: GroupCommit | None) -> bytes:
        """Answer one JSON object, on disk now or with its group; counts the request unless it is refused."""
        prediction_id = new_id() if key is None else id_from_key(_checked(key))
        model = self._predictor.model
        try:
            row = model.bundle.codec.decode(_not_empty(body))
        except Rejected:
            self._metrics.refused(1)
            raise
        prediction = model.one(row, prediction_id, "api")
        own = GroupCommit(self._outbox, self._metrics) if group is None else group
        own.add(prediction, started)
        if group is None:
            own.commit()
        return msgspec.json.encode(reply(prediction, model.bundle.contract))

    def array(self, body: bytes, key: str | None) -> bytes:
        """Answer a JSON array, row by row and in order, whatever is wrong with some of them."""
        model = self._predictor.model
        rows = rows_of_array(model, _not_empty(body), self._max_batch_rows)
        answers = self._answers(model, rows, key)
        counts = {"answered": len(rows.positions), "refused": len(rows.refused)}
        return msgspec.json.encode({"predictions": answers, **counts})

    def lines(self, body: bytes, key: str | None) -> bytes:
        """Answer newline-delimited JSON, a line a row; blank lines are not rows."""
        model = self._predictor.model
        rows = rows_of_lines(model, _not_empty(body), self._max_batch_rows)
        return msgspec.json.Encoder().encode_lines(self._answers(model, rows, key))

    def _answers(self, model: Model, rows: BatchRows, key: str | None) -> Sequence[Any]:
        """One answer a row, in the order of the body."""
        ids = new_ids(len(rows)) if key is None else _row_ids(_checked(key), len(rows))
        refusals = [{"row": at, "error": refusal(error).detail()} for at, error in rows.refused.items()]
        if rows.columns is None:
            self._metrics.refused(len(refusals))
            return refusals
        batch = model.many(rows.columns, [ids[at] for at in rows.positions] if refusals else ids, "api")
        self._outbox.append(batch)
        self._metrics.batch(batch)
        self._metrics.refused(len(refusals))
        answers = numbered_replies(batch, rows.positions, model.bundle.contract)
        if not refusals:
            return answers
        by_position = dict(zip(rows.refused, refusals, strict=True)) | dict(zip(rows.positions, answers, strict=True))
        return [by_position[at] for at in range(len(rows))]


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
