"""Predictions as documents and back: what `MongoPredictions` writes and reads, with no database in it.

A document holds its time twice: `made_at`, a date for people and their tools, and `made_at_us`, microseconds since
1970, by which windows are cut: a BSON date keeps milliseconds, and nx-27017 compares whole seconds. Its `level` is that
of `tabular/sample.py`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tabular.prediction import Prediction
from tabular.sample import level_of

log = logging.getLogger(__name__)

Document = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_PREDICTION = (msgspec.ValidationError, KeyError, TypeError, AttributeError, OverflowError)


class Reader:
    """Makes predictions of documents; leaves out, counts and logs once what is no prediction: anybody may write there.

    `unreadable` is how many documents were left out, counted again each time they are read.
    """

    def __init__(self) -> None:
        self.unreadable = 0

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
        if not self.unreadable:
            why = f"{type(error).__name__}: {error}"
            log.warning(
                "the document %.80r is no prediction: left out; more are only counted. %s", document["_id"], why
            )
        self.unreadable += 1


def document_of(prediction: Prediction) -> Document:
    """The document of a prediction."""
    document: Document = msgspec.to_builtins(prediction, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    document["made_at_us"] = microseconds(prediction.made_at)
    document["level"] = level_of(prediction.id)
    for part in (document, document["row"], document["chances"] or {}):
        for name, value in part.items():
            if value != value:  # noqa: PLR0124 - NaN, which not every server of the protocol can store
                part[name] = None
    return document


def prediction_of(document: Mapping[str, Any]) -> Prediction:
    """The prediction of a document; raises one of NO_PREDICTION for what is none."""
    fields = {**document, "id": document["_id"], "made_at": EPOCH + timedelta(microseconds=document["made_at_us"])}
    if fields["score"] is None:
        fields["score"] = math.nan
    if fields.get("chances"):
        fields["chances"] = {name: math.nan if value is None else value for name, value in fields["chances"].items()}
    return msgspec.convert(fields, Prediction)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970; a naive time is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def without_nan(value: Any) -> Any:
    """A report with null for NaN, and lists for tuples: what every server of the protocol can store."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return value
