"""The rows of a batch's body: those that keep the contract, in columns, and for the others why they do not.

However many rows are refused, what is said of them is bounded: the first `LISTED_ROWS` with their faults, as long as
that is not much more than what was sent; of the rest how many they are, which, and their codes.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.api.errors import MAX_FAULTS_BYTES, Refusal, refusal
from server.model import Model
from tabular.columns import Columns, columns_of
from tabular.errors import Rejected
from tabular.row import UNREADABLE, NotJson

LISTED_ROWS = 100
NOT_AN_ARRAY = "Send a JSON array of objects; for one object there is /predict."

MOST_VALUES = 300_000
"""An array of more values is read row by row only if all of its elements are objects: five megabytes may hold two
million elements, and each takes 80 bytes to be looked at."""

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Any = msgspec.defstruct("Object", [], gc=False)
_OBJECTS = msgspec.json.Decoder(list[_OBJECT])


class RefusedRows:
    """What is said of the rows of one body that cannot be answered; `body_bytes` is its size."""

    def __init__(self, body_bytes: int) -> None:
        self._left_bytes = body_bytes + MAX_FAULTS_BYTES
        self.listed: dict[int, Mapping[str, Any]] = {}
        self._codes: Counter[str] = Counter()
        self._spans: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.listed) + self._codes.total()

    def add(self, row: int, error: Rejected) -> None:
        """Note the row at this position; they come in order. Of the error nothing is kept."""
        answer = refusal(error)
        if not self._codes and len(self.listed) < LISTED_ROWS:
            detail = msgspec.json.encode(answer.detail())
            self._left_bytes -= len(detail)
            if self._left_bytes >= 0:
                self.listed[row] = {"row": row, "error": msgspec.Raw(detail)}
                return
        self._codes[answer.full_code] += 1
        if self._spans and self._spans[-1][1] == row - 1:
            self._spans[-1][1] = row
        else:
            self._spans.append([row, row])

    @property
    def not_listed(self) -> Mapping[str, Any]:
        """How many rows are not listed one by one, by code, and their first and last positions; nothing if all are."""
        if not self._codes:
            return {}
        return {"not_listed": {"refused": self._codes.total(), "codes": self._codes, "rows": self._spans}}


@dataclass(frozen=True)
class BatchRows:
    """`columns` holds the rows at `positions` of the body, in that order, and is None if there are none."""

    columns: Columns | None
    positions: Sequence[int]
    refused: RefusedRows = field(default_factory=lambda: RefusedRows(0))

    def __len__(self) -> int:
        return len(self.positions) + len(self.refused)


def rows_of_array(model: Model, body: bytes, most: int) -> BatchRows:
    """The rows of a JSON array; raises Refusal for another body, for none and for more than `most`, or NotJson."""
    if (columns := model.columns.array(body, most)) is not None:
        return _all(columns)
    _check_elements(body, most)
    try:
        bodies = _ROWS.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(422, "the body is JSON, but not an array", "not_an_array", NOT_AN_ARRAY) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the body is not JSON: {error}") from error
    return _each(model, bodies, len(body))


def rows_of_lines(model: Model, body: bytes, most: int) -> BatchRows:
    """The rows of newline-delimited JSON, a line a row, blank ones left out; raises Refusal for none and too many."""
    lines = []
    for line in io.BytesIO(body):
        if not line.isspace():
            lines.append(line.removesuffix(b"\n"))
            _check_count(len(lines), most)
    if (columns := model.columns.lines(lines)) is not None:
        return _all(columns)
    return _each(model, lines, len(body))


def _all(columns: Columns) -> BatchRows:
    return BatchRows(columns, range(len(columns)))


def _each(model: Model, bodies: Sequence[bytes | msgspec.Raw], body_bytes: int) -> BatchRows:
    if not bodies:
        raise Refusal(422, "the batch holds no rows", "empty_batch", "Send at least one row.")
    rows, refused = {}, RefusedRows(body_bytes)
    for position, body in enumerate(bodies):
        try:
            rows[position] = model.bundle.codec.decode(body)
        except Rejected as error:
            refused.add(position, error)
    return BatchRows(columns_of(list(rows.values())) if rows else None, list(rows), refused)


def _check_elements(body: bytes, most: int) -> None:
    """Count the elements of a JSON array where there may be too many, before anything is made of them."""
    has_many_values = body.count(b",") >= MOST_VALUES
    if body.count(b"{") <= most and not has_many_values:
        return
    try:
        _check_count(len(_OBJECTS.decode(body)), most)
    except msgspec.ValidationError as error:
        if has_many_values:
            raise Refusal(422, "the body is no array of objects", "not_an_array", NOT_AN_ARRAY) from error
    except UNREADABLE as error:
        raise NotJson(f"the body is not JSON: {error}") from error


def _check_count(rows: int, most: int) -> None:
    if rows > most:
        message = f"the batch holds more than {most:,} rows, the most that are answered at once"
        raise Refusal(413, message, "too_many_rows", "Send the rows in several requests.")
