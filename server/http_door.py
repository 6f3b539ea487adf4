"""The HTTP door without its web framework: bytes in, bytes out, `Refusal` or a TabularError for everything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from server.api_metrics import ApiMetrics
from server.group_commit import GroupCommit
from server.http_errors import Refusal, refusal
from server.outbox import Outbox
from server.predictor import Model, Predictor
from tabular.errors import Fault, Rejected
from tabular.prediction import Prediction, id_from_key, new_id, new_ids, reply
from tabular.row import NotJson, Row

_KEY = re.compile(r"[!-~]{1,200}")
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


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
            self._metrics.rows((), refused=1)
            raise
        (prediction,) = model.predict((row,), (prediction_id,), "api")
        own = GroupCommit(self._outbox, self._metrics) if group is None else group
        own.add(prediction, started)
        if group is None:
            own.commit()
        return msgspec.json.encode(reply(prediction, model.bundle.contract))

    def array(self, body: bytes, key: str | None) -> bytes:
        """Answer a JSON array, row by row and in order, whatever is wrong with some of them."""
        answers, answered = self._many(_rows_of_array(_not_empty(body)), key)
        counts = {"answered": answered, "refused": len(answers) - answered}
        return msgspec.json.encode({"predictions": answers, **counts})

    def lines(self, body: bytes, key: str | None) -> bytes:
        """Answer newline-delimited JSON, a line a row; blank lines are not rows."""
        rows = [line for line in _not_empty(body).split(b"\n") if line.strip()]
        answers, _ = self._many(rows, key)
        return b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers)

    def _many(self, bodies: Sequence[bytes | msgspec.Raw], key: str | None) -> tuple[list[dict[str, object]], int]:
        """One answer a row, and how many of them are predictions."""
        self._check_count(len(bodies))
        ids = new_ids(len(bodies)) if key is None else _row_ids(_checked(key), len(bodies))
        model = self._predictor.model
        rows, answers = _decoded(model, bodies)
        positions = [position for position, answer in enumerate(answers) if answer is None]
        predictions = self._predicted(model, rows, [ids[position] for position in positions])
        self._metrics.rows(predictions, refused=len(bodies) - len(rows))
        for position, prediction in zip(positions, predictions, strict=True):
            answers[position] = {"row": position, **reply(prediction, model.bundle.contract)}
        return [answer for answer in answers if answer is not None], len(rows)

    def _predicted(self, model: Model, rows: Sequence[Row], ids: Sequence[str]) -> list[Prediction]:
        if not rows:
            return []
        predictions = model.predict(rows, ids, "api")
        self._outbox.append(predictions)
        return predictions

    def _check_count(self, rows: int) -> None:
        if rows == 0:
            raise Refusal(422, "the batch holds no rows", "empty_batch", "Send at least one row.")
        if rows > self._max_batch_rows:
            message = f"the batch holds {rows:,} rows; at most {self._max_batch_rows:,} are answered at once"
            raise Refusal(413, message, "too_many_rows", "Send the rows in several requests.")


def _decoded(model: Model, bodies: Sequence[bytes | msgspec.Raw]) -> tuple[list[Row], list[dict[str, object] | None]]:
    """The rows that keep the contract, and for every body its refusal, or None."""
    rows: list[Row] = []
    answers: list[dict[str, object] | None] = []
    for position, body in enumerate(bodies):
        try:
            rows.append(model.bundle.codec.decode(body))
            answers.append(None)
        except Rejected as error:
            answers.append({"row": position, "error": refusal(error).detail()})
    return rows, answers


def _rows_of_array(body: bytes) -> list[msgspec.Raw]:
    try:
        return _ROWS.decode(body)
    except msgspec.ValidationError as error:
        remedy = "Send a JSON array of objects; for one object there is /predict."
        raise Refusal(422, "the body is JSON, but not an array", "not_an_array", remedy) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the body is not JSON: {error}") from error


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
