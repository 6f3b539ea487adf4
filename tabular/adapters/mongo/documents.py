"""Predictions as documents and back: what `MongoPredictions` writes and reads, with no database in it.

A document holds its time twice: `made_at`, a date for people and their tools, and `made_at_us`, microseconds since
1970, by which windows are cut: a BSON date keeps milliseconds, and nx-27017 compares whole seconds. Its `level` is that
of `tabular/predictions/sampling.py`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import level_of

log = logging.getLogger(__name__)

Document = dict[str, Any]

EPOCH, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MAX_RUN_ID_CHARACTERS = 64
NO_PREDICTION = (msgspec.ValidationError, KeyError, TypeError, AttributeError, OverflowError, ValueError)
MAX_KNOWN_UNREADABLE = 10_000


class Reader:
    """Makes predictions of documents; leaves out, counts and logs once what is no prediction: anybody may write there.

    A document is counted once, however often it is read.
    """

    def __init__(self) -> None:
        self._left_out: set[int] = set()

    @property
    def unreadable(self) -> int:
        """How many documents were left out so far, MAX_KNOWN_UNREADABLE at most."""
        return len(self._left_out)

    def read(self, documents: Iterable[Mapping[str, Any]]) -> list[Prediction]:
        """The predictions, in order."""
        found = []
        for document in documents:
            try:
                found.append(prediction_of(document))
            except NO_PREDICTION as error:
                self._leave_out(document, error)
        return found

    def _leave_out(self, document: Mapping[str, Any], error: Exception) -> None:
        if not self._left_out:
            why = f"{type(error).__name__}: {error}"
            log.warning(
                "the document %.80r is no prediction: left out; more are only counted. %s", document["_id"], why
            )
        if len(self._left_out) < MAX_KNOWN_UNREADABLE:
            self._left_out.add(hash(repr(document["_id"])))


def document_of(prediction: Prediction) -> Document:
    """The document of a prediction."""
    document: Document = msgspec.to_builtins(prediction, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    document["made_at_us"] = microseconds(prediction.made_at)
    document["level"] = level_of(prediction.id)
    for name in ("request_id", "asked_at"):  # as of most: then its id is the prediction's, and nothing waited
        if document[name] is None:
            del document[name]
    for part in (document, document["row"], document["probabilities"] or {}):
        for name, value in part.items():
            if value != value:  # noqa: PLR0124 - NaN, which not every server of the protocol can store
                part[name] = None
    return document


def prediction_of(document: Mapping[str, Any]) -> Prediction:
    """The prediction of a document; raises one of NO_PREDICTION for what is none."""
    fields = {**document, "id": document["_id"], "made_at": EPOCH + timedelta(microseconds=document["made_at_us"])}
    if isinstance(labelled_at_us := fields.get("labelled_at_us"), int):
        fields["labelled_at"] = EPOCH + timedelta(microseconds=labelled_at_us)
    return msgspec.convert(with_nan(fields) | {"label": label_in(document)}, Prediction)


def label_in(document: Mapping[str, Any]) -> Any:
    """The label of a prediction's document, bit-identical to what came in; None if it has none."""
    exact = document.get("label_exact")
    number = exact.get("number") if isinstance(exact, Mapping) else None
    return document.get("label") if number is None else number


def label_fields(outcome: str | float) -> Document:
    """The fields that hold a label, for `$set`.

    nx-27017 keeps 15 digits of a number that is set by itself, and all of one inside a new object. So a number of more
    digits is there twice.
    """
    if isinstance(outcome, str):
        return {"label": outcome}
    is_longer = float(f"{outcome:.15g}") != outcome
    return {"label": outcome, "label_exact": {"number": outcome} if is_longer else None}


def with_nan(fields: Mapping[str, Any]) -> Document:
    """The fields of a document with NaN for a score or a probability that is null."""
    named = {name: math.nan if value is None else value for name, value in (fields.get("probabilities") or {}).items()}
    score = math.nan if fields["score"] is None else fields["score"]
    return {**fields, "score": score} | ({"probabilities": named} if named else {})


def minute_of(since_1970_us: int) -> datetime:
    """The beginning of the minute of a time that is in microseconds since 1970."""
    return EPOCH + timedelta(minutes=since_1970_us // 60_000_000)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970; a naive time is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def is_run_id(value: Any) -> bool:
    """True for what MLflow could have named a run."""
    return isinstance(value, str) and value.isalnum() and len(value) <= MAX_RUN_ID_CHARACTERS


def of(run_id: str | None = None, table: str | None = None) -> Document:
    """The condition on the run and on the table; none on what is None."""
    return {name: value for name, value in (("run_id", run_id), ("table", table)) if value is not None}


def made_between(since: datetime | None, until: datetime | None) -> Document:
    """The condition since <= made_at < until. With `until` it takes numbers alone: to nx-27017 any text is greater."""
    limits = {name: microseconds(at) for name, at in (("$gte", since), ("$lt", until)) if at is not None}
    return {"made_at_us": limits} if limits else {}


def without_nan(value: Any) -> Any:
    """A report with null for NaN, and lists for tuples: what every server of the protocol can store."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return value
