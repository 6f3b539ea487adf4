"""A batch of stream records through the model: predictions for the valid ones, dead letters for the others (pure)."""

from __future__ import annotations

import base64
import dataclasses
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.decoding.record import OtherContent, read_record
from server.decoding.wrappers import WrappedRecord
from server.scoring.model import Asked, Model
from tabular.contract.types import Contract
from tabular.data import sniffing
from tabular.data.sniffing import from_base64, without_mark
from tabular.encoding.row import NotJson, Row
from tabular.errors import Fault, Rejected
from tabular.ports.streams import Keyed, StreamRecord
from tabular.predictions.prediction import Prediction, id_from_stream, reply

log = logging.getLogger(__name__)

MAX_SENT_BYTES = 780_000
"""Of what goes on a stream, its key included: in base64, as it travels, less than the 1,048,576 that a stream takes."""
# What a letter repeats of a poison record. All of it together is less than that: the data may take five times as many
# bytes as characters, the key 1,536 and the reason 6,000.
MAX_REASON_CHARACTERS = 1_000
MAX_FAULT_CHARACTERS = 1_000
MAX_FAULTS_BYTES = 200_000
MAX_DATA_CHARACTERS = 100_000
MAX_WARNINGS = 100


@dataclass(frozen=True)
class RejectedRecord:
    """A record for which there is no prediction, and why."""

    record: StreamRecord
    error: Rejected


@dataclass
class Outcome:
    """What became of a batch: `records` and `predictions` go in pairs; `base64` counts the records that were that."""

    contract: Contract
    records: list[StreamRecord] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    base64: int = 0


def predict(model: Model, records: Sequence[StreamRecord]) -> Outcome:
    """Read the records and score them in one call; one that cannot be read never keeps the others back."""
    outcome = Outcome(model.bundle.contract)
    rows: list[Row] = []
    for record in records:
        row = _read(model, record)
        if isinstance(row, OtherContent) and (data := json_in_base64(record.data)) is not None:
            outcome.base64 += 1
            row = _read(model, dataclasses.replace(record, data=data))
        if isinstance(row, Rejected):
            outcome.rejected.append(RejectedRecord(record, row))
        else:
            rows.append(row)
            outcome.records.append(record)
    ids = [id_from_stream(record.stream, record.shard, record.sequence_number) for record in outcome.records]
    asked = [Asked(f"{one.shard}/{one.sequence_number}", one.arrived_at) for one in outcome.records]
    outcome.predictions = model.rows(rows, ids, "stream", asked)
    return outcome


def results(outcome: Outcome) -> list[Keyed]:
    """The records of the results stream: the HTTP reply and what identifies its record, under the record's own key."""
    return [
        (record.partition_key, _result(record, reply(prediction, outcome.contract)))
        for record, prediction in zip(outcome.records, outcome.predictions, strict=True)
    ]


def dead_letters(rejected: Iterable[RejectedRecord]) -> list[Keyed]:
    """The records of the dead-letter stream: why, which one, and the data as it came, in base64 if it is not text."""
    return [(each.record.partition_key, msgspec.json.encode(_letter(each))) for each in rejected]


def _read(model: Model, record: StreamRecord) -> Row | Rejected:
    try:
        return read_record(model.bundle, record.data)
    except Rejected as error:
        return error.detached()
    except Exception as error:  # no record, whatever is in it, may stop the stream
        about = {"shard": record.shard, "sequence_number": record.sequence_number}
        log.exception("a record broke the reading of records", extra=about)
        return Rejected(f"the record broke the reading of records: {type(error).__name__}: {error}")


def _result(record: StreamRecord, body: dict[str, Any]) -> bytes:
    encoded = msgspec.json.encode(body | _identity(record))
    if len(encoded) + len(record.partition_key.encode()) <= MAX_SENT_BYTES:
        return encoded
    # Thousands of features, each with a warning, or tens of thousands of classes. The store has all of it.
    warnings = body["warnings"]
    shown = [*warnings[:MAX_WARNINGS], f"{max(len(warnings) - MAX_WARNINGS, 0):,} more warnings are in the store alone"]
    if "probabilities" in body:
        probabilities = sorted(body["probabilities"].items(), key=lambda each: -each[1])
        body = body | {"probabilities": dict(probabilities[:MAX_WARNINGS])}
        shown.append(f"the probabilities of all {len(probabilities):,} classes are in the store alone")
    return msgspec.json.encode(body | {"warnings": shown} | _identity(record))


def _identity(record: StreamRecord) -> dict[str, Any]:
    return {
        "partition_key": record.partition_key,
        "shard": record.shard,
        "sequence_number": record.sequence_number,
    }


def _letter(rejected: RejectedRecord) -> dict[str, Any]:
    record, error = rejected.record, rejected.error
    data, encoding = _repeated(record.data)
    return {
        "reason": _reason(record, error)[:MAX_REASON_CHARACTERS],
        "faults": list(_fitting(error.faults)),
        "fault_count": error.fault_count,
        "stream": record.stream.partition("@")[0],
        **_identity(record),
        "arrived_at": record.arrived_at,
        "data": data,
        "data_encoding": encoding,
        "data_bytes": len(record.data),
    }


def _repeated(data: bytes) -> tuple[str, str]:
    """The data as text, or in base64 if it is none, or is one that JSON would need more than twice its length for."""
    try:
        text = data.decode()[:MAX_DATA_CHARACTERS]
    except UnicodeDecodeError:
        text = None
    if text is None or len(msgspec.json.encode(text)) > 2 * len(text.encode()) + 2:
        return base64.b64encode(data[:MAX_DATA_CHARACTERS]).decode()[:MAX_DATA_CHARACTERS], "base64"
    return text, "utf-8"


def _fitting(faults: Sequence[Fault]) -> Iterator[Fault]:
    """The first faults; what a field may hold can be long, too."""
    size_bytes = 0
    for fault in faults:
        short = fault.shortened(MAX_FAULT_CHARACTERS)
        size_bytes += len(msgspec.json.encode(short)) + 1
        if size_bytes > MAX_FAULTS_BYTES:
            return
        yield short


def _reason(record: StreamRecord, error: Rejected) -> str:
    if not record.data:
        return "the record is empty"
    if isinstance(error, OtherContent):
        return f"the record is {error.name}, not JSON. {error.remedy or _REMEDIES.get(error.name, AS_JSON)}"
    if isinstance(error, WrappedRecord):
        many = " Put each of several as a record of its own." if error.is_many else ""
        return f"{error.message}. Put {error.form} itself.{many}"
    return f"{error.message}. {AS_JSON}" if isinstance(error, NotJson) else error.message


AS_JSON = "Put one JSON object, as it is, in UTF-8."
_REMEDIES = {
    sniffing.KPL: "Turn aggregation off in the producer (AggregationEnabled = false): one user record a record.",
    sniffing.LINES: "Put each object as a record of its own.",
}


def json_in_base64(data: bytes) -> bytes | None:
    """The JSON object that the data is base64 of, in one line or in many, encoded once; None if it is none."""
    decoded = from_base64(without_mark(data))
    return decoded if decoded is not None and without_mark(decoded).lstrip().startswith(b"{") else None
