"""The prediction: one shape for the HTTP reply, the results record, the stored document and the drift window."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from tabular.contract.types import Contract
from tabular.encoding.values import Value

Source = Literal["api", "stream", "batch"]

_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_NAMESPACE = uuid.UUID("6f1d3c1e-8d0a-4c59-9d0b-0f4b7c2f6a10")


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was scored.

    `made_at` is UTC; `table` is the contract's name for its table, `contract` the contract's digest; `row` maps feature
    to canonical value, None where missing. `score` is the probability of the positive class (binary), the predicted
    value (regression) or the probability of the most likely class (multiclass, with every class in `probabilities` and
    the winner in `predicted_class`).
    `business_key` identifies what the row is about, if the request said so. `request_id` is that of the request, unless
    it is `id`; of a stream's record its shard and sequence number. `asked_at` (UTC) is when the stream took the record,
    which may have waited there; None where nothing waits.
    `label` is the true outcome once it is known: nothing here ever guesses it; `labelled_at` (UTC) is when it came.
    """

    id: str
    made_at: datetime
    table: str
    run_id: str
    contract: str
    source: Source
    row: dict[str, Value]
    score: float
    probabilities: dict[str, float] | None = None
    predicted_class: str | None = None
    unknown: tuple[str, ...] = ()
    out_of_range: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    business_key: str | None = None
    request_id: str | None = None
    asked_at: datetime | None = None
    label: str | float | None = None
    labelled_at: datetime | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The features that were sent as missing."""
        return tuple(name for name, value in self.row.items() if value is None)


def reply(prediction: Prediction, contract: Contract) -> dict[str, Any]:
    """The public response, the same over HTTP and on the results stream."""
    body: dict[str, Any] = {contract.reply.prediction_key: prediction.predicted_class or prediction.score}
    if prediction.probabilities is not None:
        body["probabilities"] = prediction.probabilities
    body |= {
        "model_run_id": prediction.run_id,
        "prediction_id": prediction.id,
        "warnings": list(prediction.warnings),
    }
    if prediction.business_key is not None and contract.table.business_key is not None:
        body[contract.table.business_key] = prediction.business_key
    return body


def meaning(contract: Contract) -> str:
    """What a response's prediction is, in a sentence."""
    key = contract.reply.prediction_key
    if contract.table.task == "binary":
        return f"Responds with the probability, 0 to 1, that the class is “{contract.target.positive}”, under “{key}”."
    if contract.table.task == "multiclass":
        return f"Responds with the most likely class under “{key}”, and with the probability of each in probabilities."
    return f"Responds with the predicted value under “{key}”."


def reply_schema(contract: Contract) -> dict[str, Any]:
    """The JSON Schema of `reply`; `base` and `contributions` are there if a request asks to explain."""
    value: dict[str, Any] = {"type": "number", "description": meaning(contract)}
    if contract.table.task == "binary":
        value |= {"minimum": 0, "maximum": 1}
    if contract.target.non_negative:
        value |= {"minimum": 0}
    properties: dict[str, Any] = {contract.reply.prediction_key: value}
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    if contract.table.task == "multiclass":
        properties[contract.reply.prediction_key] = {"type": "string", "enum": list(contract.target.classes)}
        properties["probabilities"] = numbers
    properties |= {
        "model_run_id": {"type": "string", "description": "The MLflow run that made the prediction."},
        "prediction_id": {"type": "string", "format": "uuid", "description": "Under which it is stored."},
        "warnings": {"type": "array", "items": {"type": "string"}, "description": "What to know about the input."},
    }
    asked = {
        "base": {"type": "number", "description": "The margin before any feature contributed."},
        "contributions": numbers | {"description": "What each feature contributed to the margin."},
    }
    if contract.table.business_key is not None:
        said = {"type": "string", "description": "The business key of the request, as text, if it had one."}
        asked = {contract.table.business_key: said} | asked
    return {"type": "object", "properties": properties | asked, "required": list(properties)}


def outcome(scored: Any, classes: Sequence[str]) -> tuple[float, dict[str, float] | None, str | None]:
    """The score, the probability of every class and the winner; the last two are None but for a multiclass model.

    `scored` is what the model gave for one row: a number, or one for each of a multiclass model's `classes`.
    """
    if not classes:
        return scored, None, None
    probabilities = dict(zip(classes, scored, strict=True))
    winner = max(probabilities, key=probabilities.__getitem__)
    return probabilities[winner], probabilities, winner


def new_id() -> str:
    """A fresh prediction id for a request that brought none."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """Fresh ids for the rows of a batch: random UUIDs (RFC 9562, version 4) that share their first 74 random bits.

    The last 48 are each row's own: two of a batch are the same once in 10^14 pairs, which is checked for.
    """
    drawn = os.urandom(10 + 6 * count).hex()
    first = f"{drawn[:8]}-{drawn[8:12]}-4{drawn[12:15]}-{_VARIANTS[drawn[15]]}{drawn[16:19]}-"
    ids = [first + drawn[at : at + 12] for at in range(20, 20 + 12 * count, 12)]
    return ids if len(set(ids)) == count else new_ids(count)


def id_from_key(idempotency_key: str) -> str:
    """The id of a request that named itself: the same key gives the same id, so that a retry is stored once."""
    return str(uuid.uuid5(_NAMESPACE, f"http/{idempotency_key}"))


def id_from_stream(stream: str, shard: str, sequence_number: str) -> str:
    """The id of a stream record: a replay of the record gives the same id.

    `stream` is that of `ports.StreamRecord`: it distinguishes a stream from an earlier one of the same name.
    """
    return str(uuid.uuid5(_NAMESPACE, f"stream/{stream}/{shard}/{sequence_number}"))


def id_from_file(file_sha256: str, run_id: str, row: int) -> str:
    """The id of a row of a scored file, from 1: the same file, model and row give the same id, stored once."""
    return str(uuid.uuid5(_NAMESPACE, f"batch/{file_sha256}/{run_id}/{row}"))
