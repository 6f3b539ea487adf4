"""Features that stand inside something else, as other servers want them: one message that names it and the right form.

{"data": {…}}  {"instances": [{…}]}  {"inputs": …}  {"dataframe_split": {"columns": […], "data": […]}}  [{…}]  "{…}"
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from server.decoding.pieces import NotThisKind, pieces_of_object
from tabular.data.sniffing import ARRAY, OBJECT, OF_STRING, PYTHON, name_of
from tabular.encoding.row import NotJson
from tabular.errors import Fault, InvalidRow

KNOWN = frozenset(
    [
        "body",
        "data",
        "dataframe_records",
        "dataframe_split",
        "detail",
        "examples",
        "features",
        "input",
        "inputs",
        "instances",
        "kinesis",
        "message",
        "parameters",
        "params",
        "payload",
        "predict",
        "record",
        "records",
        "Records",
        "request",
        "row",
        "rows",
        "samples",
        "value",
        "values",
    ]
)
"""What others call it. A single field has any name: whatever it is, the features are inside."""
SHOWN_FEATURES = 2


class WrappedRecord(InvalidRow):
    """The features stand inside something: `is_many` if that may hold several rows, `form` is what to send."""

    def __init__(self, message: str, fault: Fault, form: str, *, is_many: bool) -> None:
        super().__init__(message, [fault])
        self.form, self.is_many = form, is_many


def wrapped(body: bytes, example: Mapping[str, Any]) -> WrappedRecord | None:
    """Says what the features stand in; None if they stand in nothing. `example` is a record of the contract."""
    form = form_of(example)
    begins = body.lstrip()[:1]
    if begins == b"[":
        fault = Fault("record", "is an array", f"the object itself: {form}")
        return WrappedRecord("an array was sent where one JSON object is read", fault, form, is_many=True)
    if begins == b'"':
        name = name_of(body)
        if name is None or not name.startswith(OF_STRING) or not name.endswith((OBJECT, ARRAY, PYTHON)):
            return None
        fault = Fault("record", f"is {name}", f"the object itself: {form}")
        return WrappedRecord(f"this is {name}: it was encoded once too often", fault, form, is_many=False)
    wrapper = wrapper_of(body, example.keys())
    if wrapper is None:
        return None
    name, is_many = wrapper
    fault = Fault(name, "is no feature: the features stand inside it", f"the features themselves: {form}")
    return WrappedRecord(
        f"the features stand inside “{name}”, and are to be sent without it", fault, form, is_many=is_many
    )


def wrapper_of(body: bytes, features: Collection[str]) -> tuple[str, bool] | None:
    """The field of an object in which the features stand, and whether it may hold several rows; None if in none."""
    try:
        fields = next(pieces_of_object(body))
    except (NotThisKind, NotJson):
        return None
    if any(name in features for name in fields):
        return None
    for name, raw in fields.items():
        if (name in KNOWN or len(fields) == 1) and (kind := _kind(bytes(raw))):
            return name, kind == "array" or name == "dataframe_split"
    return None


def form_of(example: Mapping[str, Any]) -> str:
    """The beginning of a record as it is to be sent."""
    first = json.dumps(dict(list(example.items())[:SHOWN_FEATURES]), ensure_ascii=False)
    return first[:-1] + (", …}" if len(example) > SHOWN_FEATURES else "}")


def _kind(value: bytes) -> str | None:
    text = value.lstrip()
    if text[:1] == b"[":
        return "array"
    is_text = text[:1] == b'"' and name_of(text) == OF_STRING + OBJECT
    return "object" if text[:1] == b"{" or is_text else None
