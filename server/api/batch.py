"""The rows of a batch's body: those that are valid under the contract, in columns, and why the others are not.

However many rows are rejected, what the response says of them is bounded: the first `LISTED_ROWS` with their faults,
as long as that is not much more than what was sent; of the rest how many they are, which, and their codes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from server.api.errors import http_error
from server.connections.errors import DEFAULTS, MAX_FAULTS_BYTES, HttpError
from server.decoding.pieces import NotThisKind, TooManyElements, pieces_of_array, pieces_of_lines
from server.decoding.record import LARGE_BYTES, OtherContent, read_record
from server.decoding.wrappers import form_of, wrapper_of
from server.scoring.model import Model
from tabular.data.sniffing import binary_name_of
from tabular.encoding.columns import Columns, columns_of
from tabular.encoding.row import Row, parse_json
from tabular.errors import Fault, Rejected

LISTED_ROWS = 100
NOT_AN_ARRAY = "Send a JSON array of objects; for one object there is /predict."

INVALID = DEFAULTS[422][0]


class RejectedRows:
    """What is said of the rows of one body that cannot be served; `body_bytes` is its size, `prefix` its table's."""

    def __init__(self, body_bytes: int, prefix: str) -> None:
        self._prefix = prefix
        self._left_bytes = body_bytes + MAX_FAULTS_BYTES
        self.listed: dict[int, Mapping[str, Any]] = {}
        self._codes: Counter[str] = Counter()
        self._spans: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.listed) + self._codes.total()

    def add(self, row: int, error: Rejected) -> None:
        """Note the row at this position; they come in order. Of the error nothing is kept."""
        response = http_error(error)
        response.prefix = self._prefix
        if not self.is_listed_in_full:
            detail = msgspec.json.encode(response.detail())
            self._left_bytes -= len(detail)
            if self._left_bytes >= 0:
                self.listed[row] = {"row": row, "error": msgspec.Raw(detail)}
                return
        self.count(row, response.full_code)

    @property
    def is_listed_in_full(self) -> bool:
        """True if of the next ones only the code is reported."""
        return bool(self._codes) or len(self.listed) >= LISTED_ROWS

    def count(self, row: int, code: str) -> None:
        """Note the row at this position by its code alone."""
        self._codes[code] += 1
        if self._spans and self._spans[-1][1] == row - 1:
            self._spans[-1][1] = row
        else:
            self._spans.append([row, row])

    @property
    def not_listed(self) -> Mapping[str, Any]:
        """How many rows are not listed one by one, by code, and their first and last positions; nothing if all are."""
        if not self._codes:
            return {}
        return {"not_listed": {"rejected": self._codes.total(), "codes": self._codes, "rows": self._spans}}


@dataclass(frozen=True)
class Part:
    """Some of a batch's rows that are valid under the contract, in columns, and their positions in the body."""

    columns: Columns
    positions: Sequence[int]


class BatchRows:
    """The rows of one body: those that are valid under the contract in parts, the others rejected."""

    def __init__(self, model: Model, body_bytes: int, max_rows: int, prefix: str) -> None:
        self.parts: list[Part] = []
        self.rejected = RejectedRows(body_bytes, prefix)
        self._model = model
        self._features, self._fields = frozenset(model.bundle.contract.feature_names), model.bundle.codec.fields
        self._max_rows = max_rows
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Columns | Sequence[bytes | msgspec.Raw]) -> None:
        """The next rows, either those of a piece that are all in columns or each by itself; raises HttpError."""
        first = self._count
        self._count += len(rows)
        if self._count > self._max_rows:
            raise too_many_rows(self._max_rows)
        if isinstance(rows, Columns):
            self.parts.append(Part(rows, range(first, self._count)))
        else:
            self._each(rows, first)

    def _each(self, bodies: Sequence[bytes | msgspec.Raw], first: int) -> None:
        rows: dict[int, Row] = {}
        for position, body in enumerate(bodies, first):
            try:
                if not self.rejected.is_listed_in_full or not self._is_no_record(body):
                    rows[position] = read_record(self._model.bundle, body)
                    continue
            except Rejected as error:
                self.rejected.add(position, error)
            else:
                self.rejected.count(position, INVALID)
        if rows:
            self.parts.append(Part(columns_of(list(rows.values())), list(rows)))

    def _is_no_record(self, body: bytes | msgspec.Raw) -> bool:
        """True if the names of its fields alone are wrong: they are not reported, so no row is made."""
        if len(body) > LARGE_BYTES:
            return False
        record = parse_json(body)
        return not isinstance(record, dict) or not self._features <= record.keys() <= self._fields


def rows_of_array(model: Model, body: bytes, max_rows: int, prefix: str = "") -> BatchRows:
    """The rows of a JSON array; raises HttpError for another body, no rows and more than `max_rows`, or NotJson."""
    rows = BatchRows(model, len(body), max_rows, prefix)
    try:
        for piece in pieces_of_array(body, lambda piece: model.columns.array(piece, len(piece)), max_rows):
            rows.add(piece)
    except NotThisKind as error:
        raise _not_an_array(body, model.bundle.contract.example) from error
    except TooManyElements as error:
        raise too_many_rows(max_rows) from error
    return _not_none(rows)


def rows_of_lines(model: Model, body: bytes, max_rows: int, prefix: str = "") -> BatchRows:
    """The rows of newline-delimited JSON, a line a row, blank ones left out; raises HttpError for none and too many."""
    if (name := binary_name_of(body)) is not None:  # the lines of it are none
        raise OtherContent(name)
    rows = BatchRows(model, len(body), max_rows, prefix)
    for lines in pieces_of_lines(body):
        rows.add(model.columns.lines(lines) or lines)
    return _not_none(rows)


def _not_none(rows: BatchRows) -> BatchRows:
    if not len(rows):
        raise HttpError(422, "the batch holds no rows", "empty_batch", "Send at least one row.")
    return rows


def _not_an_array(body: bytes, example: Mapping[str, Any]) -> HttpError:
    if (wrapper := wrapper_of(body, example.keys())) is None:
        return HttpError(422, "the body is JSON, but not an array", "not_an_array", NOT_AN_ARRAY)
    name, form = wrapper[0], form_of(example)
    fault = Fault(name, "is no row: the rows stand inside it", f"the rows themselves: [{form}, …]")
    message = f"the rows stand inside “{name}”, and are to be sent without it"
    return HttpError(422, message, "not_an_array", f"Send [{form}, …], or {form} to /predict.", [fault])


def too_many_rows(max_rows: int) -> HttpError:
    """The response to a batch of more rows than are served at once."""
    message = f"the batch holds more than {max_rows:,} rows, the most that are served at once"
    return HttpError(413, message, "too_many_rows", "Send the rows in several requests.")
