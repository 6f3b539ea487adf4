"""A batch of stream records through the use-case: predictions for the good ones, dead letters for the others (pure)."""

from __future__ import annotations

import base64
import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.decoding.record import OtherContent, read_record
from server.decoding.wrappers import WrappedRecord
from server.scoring.model import Model
from tabular.contract.types import Contract
from tabular.data import sniffing
from tabular.data.sniffing import from_base64, without_mark
from tabular.encoding.columns import columns_of
from tabular.encoding.row import NotJson, Row
from tabular.errors import Fault, Rejected
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import Prediction, id_from_stream, reply

log = logging.getLogger(__name__)

Keyed = tuple[str, bytes]
"""A record to put on a stream: its partition key and its data."""

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
class Refused:
    """A record that cannot be answered, and why."""

    record: StreamRecord
    error: Rejected


@dataclass
class Answers:
    """What became of a batch: `records` and `predictions` go in pairs; `base64` counts the records that were that."""

    contract: Contract
    records: list[StreamRecord] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    base64: int = 0


def answer(model: Model, records: Sequence[StreamRecord]) -> Answers:
    """Read and score a batch in one vectorised call; a record that cannot be read never keeps the others back."""
    answers = Answers(model.bundle.contract)
    rows: list[Row] = []
    for record in records:
        outcome = _read(model, record)
        if isinstance(outcome, OtherContent) and (data := _json_in_base64(record.data)) is not None:
            answers.base64 += 1
            outcome = _read(model, dataclasses.replace(record, data=data))
        if isinstance(outcome, Rejected):
            answers.refused.append(Refused(record, outcome))
        else:
            rows.append(outcome)
            answers.records.append(record)
    if rows:
        ids = [id_from_stream(record.stream, record.shard, record.sequence_number) for record in answers.records]
        answers.predictions.extend(model.many(columns_of(rows), ids, "stream"))
    return answers


def results(answers: Answers) -> list[Keyed]:
    """The records of the results stream: the HTTP reply and what tells whose it is, under the request's own key."""
    return [
        (record.partition_key, _result(record, reply(prediction, answers.contract)))
        for record, prediction in zip(answers.records, answers.predictions, strict=True)
    ]


def dead_letters(answers: Answers) -> list[Keyed]:
    """The records of the dead-letter stream: why, which one, and the data as it came, in base64 if it is not text."""
    return [(refused.record.partition_key, msgspec.json.encode(_letter(refused))) for refused in answers.refused]


def _read(model: Model, record: StreamRecord) -> Row | Rejected:
    try:
        return read_record(model.bundle, record.data)
    except Rejected as error:
        return error.detached()
    except Exception as error:  # no record, whatever is in it, may stop the stream
        log.exception("shard %s, record %s broke the reading of records", record.shard, record.sequence_number)
        return Rejected(f"the record broke the reading of records: {type(error).__name__}: {error}")


def _result(record: StreamRecord, answer: dict[str, Any]) -> bytes:
    body = msgspec.json.encode(answer | _whose(record))
    if len(body) + len(record.partition_key.encode()) <= MAX_SENT_BYTES:
        return body
    # Thousands of features, each with a warning, or tens of thousands of classes. The store has all of it.
    warnings = answer["warnings"]
    told = [*warnings[:MAX_WARNINGS], f"{max(len(warnings) - MAX_WARNINGS, 0):,} more warnings are in the store alone"]
    if "probabilities" in answer:
        probabilities = sorted(answer["probabilities"].items(), key=lambda each: -each[1])
        answer = answer | {"probabilities": dict(probabilities[:MAX_WARNINGS])}
        told.append(f"the probabilities of all {len(probabilities):,} classes are in the store alone")
    return msgspec.json.encode(answer | {"warnings": told} | _whose(record))


def _whose(record: StreamRecord) -> dict[str, Any]:
    return {
        "partition_key": record.partition_key,
        "shard": record.shard,
        "sequence_number": record.sequence_number,
    }


def _letter(refused: Refused) -> dict[str, Any]:
    record, error = refused.record, refused.error
    data, encoding = _repeated(record.data)
    return {
        "reason": _reason(record, error)[:MAX_REASON_CHARACTERS],
        "faults": list(_fitting(error.faults)),
        "fault_count": error.fault_count,
        **_whose(record),
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
        return f"the record is {error.name}, not JSON. {_REMEDIES.get(error.name, AS_JSON)}"
    if isinstance(error, WrappedRecord):
        many = " Put each of several as a record of its own." if error.is_many else ""
        return f"{error.message}. Put {error.form} itself.{many}"
    return f"{error.message}. {AS_JSON}" if isinstance(error, NotJson) else error.message


AS_JSON = "Put one JSON object, as it is, in UTF-8."
_REMEDIES = {
    sniffing.KPL: "Turn aggregation off in the producer (AggregationEnabled = false): one user record a record.",
    sniffing.LINES: "Put each object as a record of its own.",
    sniffing.NOT_A_NUMBER: "Put null for what is not known; NaN and Infinity are not JSON.",
    sniffing.PYTHON: "Encode it with json.dumps: double quotes, null, true.",
}


def _json_in_base64(data: bytes) -> bytes | None:
    """The JSON object that the data is base64 of, in one line or in many, encoded once; None if it is none."""
    decoded = from_base64(without_mark(data))
    return decoded if decoded is not None and without_mark(decoded).lstrip().startswith(b"{") else None
