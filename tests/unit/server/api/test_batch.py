"""The rows of a batch's body: each in its place however the body is cut, and little done for rejected ones."""

from __future__ import annotations

import json
import sys

import pytest

from server.api.batch import LISTED_ROWS, rows_of_array, rows_of_lines
from server.decoding import pieces
from server.scoring.model import Model, ready_model

MOST = 10_000
CALLS_A_ROW = 12


@pytest.fixture
def model(bundle) -> Model:
    return ready_model("r" * 32, bundle)


def calls_of(work) -> int:
    count = 0

    def counting(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("row", [b"{}", b"[]", b"1", b'{"a": 1}'])
def test_little_is_done_for_a_rejected_row_that_is_not_listed(model, row):
    few, many = (b"[" + b",".join([row] * count) + b"]" for count in (1_000, 3_000))
    more = calls_of(lambda: rows_of_array(model, many, MOST)) - calls_of(lambda: rows_of_array(model, few, MOST))
    assert more < 2_000 * CALLS_A_ROW


@pytest.mark.parametrize("size", [64, 1_000, 100_000])
@pytest.mark.parametrize("kind", ["array", "lines"])
def test_every_row_keeps_its_place_however_the_body_is_cut(model, contract, monkeypatch, kind, size):
    monkeypatch.setattr(pieces, "PIECE_BYTES", size)
    odd = contract.example | {"gender": contract.example["gender"].swapcase() + " "}
    rows = [contract.example, {}, odd, {"a": 1}, contract.example | {"customer_age": -1}] * 60
    read = rows_of_array if kind == "array" else rows_of_lines
    body = json.dumps(rows) if kind == "array" else "\n".join(map(json.dumps, rows))
    found = read(model, body.encode(), MOST)
    assert [at for part in found.parts for at in part.positions] == [at for at in range(300) if at % 5 in {0, 2}]
    rejected, listed = [at for at in range(300) if at % 5 in {1, 3, 4}], list(found.rejected.listed)
    assert 10 < len(listed) <= LISTED_ROWS
    assert listed == rejected[: len(listed)]
    assert len(found.rejected) == 180
    assert found.rejected.not_listed["not_listed"]["rejected"] == 180 - len(listed)
    assert found.rejected.not_listed["not_listed"]["codes"] == {"invalid_record": 180 - len(listed)}
    assert len(found) == 300
    for part in found.parts:
        assert [part.columns.row(at) for at in range(len(part.columns))] == [
            list(model.bundle.codec.parse(rows[at]).values) for at in part.positions
        ]
