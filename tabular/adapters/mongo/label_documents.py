"""Labels as documents and back, and the labelled predictions of a time, which the history puts in order.

Documents that are read in order have a `position`, a text that begins with what is asked for: one field with one index,
which nx-27017 uses for a range too. Of `_id` it reads every document for a range.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from pymongo.collection import Collection

from tabular.adapters.mongo.documents import EPOCH, NO_PREDICTION, Document, Reader, label_in, microseconds
from tabular.predictions.attaching import Change, Standing
from tabular.predictions.label import Label
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample, level_of, thinned

log = logging.getLogger(__name__)

ORPHAN = "orphan"
POSITION = "position"
ENTRY_FIELDS = {"prediction_id": 1, "labelled_at_us": 1, POSITION: 1}
READ_TOGETHER = 1_000


def standing_of(document: Mapping[str, Any]) -> Standing:
    """What a prediction's document says of its label."""
    received = document.get("label_received_at_us")
    return Standing(document["_id"], str(document.get("run_id")), label_in(document), received)


def change_entry(change: Change, labelled_at: datetime) -> Document:
    """The history's entry of a label that was attached, with the outcome that it replaces."""
    known, at_us = change.before.prediction_id, microseconds(labelled_at)
    return {
        **_at(f"{change.before.run_id} {time_digits(at_us)} {known} {time_digits(change.received_at_us)}"),
        **_fields(change.label),
        "prediction_id": known,
        "run_id": change.before.run_id,
        "replaces": change.before.outcome,
        "labelled_at_us": at_us,
        "level": level_of(known),
    }


def orphan_entry(label: Label) -> Document:
    """The history's entry of a label that was attached to nothing."""
    return {**_at(f"{ORPHAN} {_waiting_id(label)}"), **_fields(label)}


def waiting_document(label: Label) -> Document:
    """A label that waits; the same one again has the same `_id`."""
    return {**_at(_waiting_id(label)), **_fields(label)}


def label_of_waiting(document: Mapping[str, Any]) -> Label | None:
    """The label of a document, its time to the microsecond; None for what is none: anybody may write there."""
    try:
        return _label(document)
    except NO_PREDICTION as error:
        log.warning("the document %.80r is no label: left out: %s", document.get("_id"), error)
        return None


def _label(document: Mapping[str, Any]) -> Label:
    received_at = EPOCH + timedelta(microseconds=document["received_at_us"])  # a BSON date keeps milliseconds
    return msgspec.convert({**document, "received_at": received_at}, Label)


def labelled_between(
    history: Collection[Document],
    data: Collection[Document],
    reader: Reader,
    times: tuple[datetime, datetime],
    most: int,
    run_id: str,
) -> Sample:
    """The predictions of a run that were labelled within these times (the second excluded), the oldest label first."""
    since, until = (f"{run_id} {time_digits(microseconds(at))}" for at in times)
    read = partial(_entries, history, {"$gte": since, "$lt": until})
    entries, share, is_cut = thinned(read, read, most)
    documents = _confirmed(data, [(entry["prediction_id"], entry["labelled_at_us"]) for entry in entries])
    found = reader.read(documents)
    return Sample(found, share, is_cut, left_out=len(documents) - len(found))


def labelled_latest(
    history: Collection[Document],
    data: Collection[Document],
    reader: Reader,
    newest: int,
    run_id: str,
    until: datetime,
) -> list[Prediction]:
    """The `newest` so many labelled predictions of a run with labelled_at < until, the newest label first."""
    positions, found = {"$gte": f"{run_id} ", "$lt": f"{run_id} {time_digits(microseconds(until))}"}, list[Prediction]()
    while len(found) < newest:
        asked = newest - len(found)
        entries = list(history.find({POSITION: positions}, ENTRY_FIELDS).sort(POSITION, -1).limit(asked))
        # Of a label that was corrected only the newest entry is confirmed, so that none comes twice.
        found += reader.read(_confirmed(data, [(one["prediction_id"], one["labelled_at_us"]) for one in entries]))
        if len(entries) < asked:
            break
        positions = {**positions, "$lt": entries[-1][POSITION]}
    return found


def _entries(history: Collection[Document], positions: Document, level: int, limit: int) -> list[Document]:
    thinner = {"level": {"$gte": level}} if level else {}
    return list(history.find({POSITION: positions} | thinner, ENTRY_FIELDS).sort(POSITION, 1).limit(limit))


def _confirmed(data: Collection[Document], labelled: Sequence[tuple[str, int]]) -> list[Document]:
    """The documents of these ids whose label is still that of this time (µs since 1970), each once, in this order."""
    confirmed: dict[str, Document] = {}
    for begin in range(0, len(labelled), READ_TOGETHER):
        part = labelled[begin : begin + READ_TOGETHER]
        found = {one["_id"]: one for one in data.find({"_id": {"$in": [known for known, _ in part]}})}
        confirmed |= {known: found[known] for known, at in part if found.get(known, {}).get("labelled_at_us") == at}
    return list(confirmed.values())


def _at(position: str) -> Document:
    return {"_id": position, POSITION: position}


def _fields(label: Label) -> Document:
    fields: Document = msgspec.to_builtins(label, builtin_types=(datetime,))
    return fields | {"received_at_us": microseconds(label.received_at)}


def _waiting_id(label: Label) -> str:
    said = msgspec.json.encode((label.prediction_id, label.business_key, label.outcome))
    digest = hashlib.blake2b(said, digest_size=12).hexdigest()
    return f"{label.table} {time_digits(microseconds(label.received_at))} {digest}"


def time_digits(time_us: int) -> str:
    """A time, in microseconds since 1970, as it stands in a position."""
    # As wide as the last time there is, so that texts sort as times do.
    return f"{max(time_us, 0):018}"
