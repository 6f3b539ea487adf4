"""The rows of a batch's body: those that keep the contract, in columns, and for each of the others why it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from server.http_errors import Refusal
from server.model import Model
from tabular.columns import Columns, columns_of
from tabular.errors import Rejected
from tabular.row import NotJson

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class BatchRows:
    """`columns` holds the rows at `positions` of the body, in that order, and is None if there are none."""

    columns: Columns | None
    positions: Sequence[int]
    refused: Mapping[int, Rejected] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.positions) + len(self.refused)


def rows_of_array(model: Model, body: bytes, most: int) -> BatchRows:
    """The rows of a JSON array; raises Refusal for another body, for none and for more than `most`, or NotJson."""
    if (columns := model.columns.array(body)) is not None:
        return _all(columns, most)
    try:
        bodies = _ROWS.decode(body)
    except msgspec.ValidationError as error:
        remedy = "Send a JSON array of objects; for one object there is /predict."
        raise Refusal(422, "the body is JSON, but not an array", "not_an_array", remedy) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the body is not JSON: {error}") from error
    return _each(model, bodies, most)


def rows_of_lines(model: Model, body: bytes, most: int) -> BatchRows:
    """The rows of newline-delimited JSON, a line a row, blank ones left out; raises Refusal for none and too many."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if (columns := model.columns.lines(lines)) is not None:
        return _all(columns, most)
    return _each(model, lines, most)


def _all(columns: Columns, most: int) -> BatchRows:
    _check_count(len(columns), most)
    return BatchRows(columns, range(len(columns)))


def _each(model: Model, bodies: Sequence[bytes | msgspec.Raw], most: int) -> BatchRows:
    _check_count(len(bodies), most)
    rows, refused = {}, {}
    for position, body in enumerate(bodies):
        try:
            rows[position] = model.bundle.codec.decode(body)
        except Rejected as error:
            refused[position] = error
    return BatchRows(columns_of(list(rows.values())) if rows else None, list(rows), refused)


def _check_count(rows: int, most: int) -> None:
    if rows == 0:
        raise Refusal(422, "the batch holds no rows", "empty_batch", "Send at least one row.")
    if rows > most:
        message = f"the batch holds {rows:,} rows; at most {most:,} are answered at once"
        raise Refusal(413, message, "too_many_rows", "Send the rows in several requests.")
