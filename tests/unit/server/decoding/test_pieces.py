"""However a long body is cut, its elements are those that it has; and no call decodes more than a piece of it."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from server.decoding import pieces
from server.decoding.pieces import NotThisKind, TooManyElements, pieces_of_array, pieces_of_lines, pieces_of_object
from tabular.encoding.row import NotJson

MOST = 10_000
VALUES = some.recursive(
    some.none() | some.integers(-9, 9) | some.text('"},{[]\\ a:', max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text('"},{', max_size=4), inner, max_size=3),
    max_leaves=8,
)
ROW = b'{"age": 57, "name": "x},{"}'


def elements(body: bytes, most: int = MOST, read=lambda _array: None) -> list:
    return [json.loads(bytes(row)) for piece in pieces_of_array(body, read, most) for row in piece]


def fields(body: bytes) -> dict:
    return {name: json.loads(bytes(raw)) for piece in pieces_of_object(body) for name, raw in piece.items()}


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 8)


@settings(max_examples=300)
@given(some.lists(VALUES, max_size=30), some.sampled_from([None, 1]), some.sampled_from([4, 16, 64]))
def test_the_pieces_of_an_array_are_the_array(rows, indent, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        assert elements(json.dumps(rows, indent=indent).encode()) == rows


@settings(max_examples=200)
@given(some.dictionaries(some.text('"},{:a', max_size=6), VALUES, max_size=20), some.sampled_from([4, 16, 64]))
def test_the_pieces_of_an_object_are_the_object(record, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        assert fields(json.dumps(record, ensure_ascii=False).encode()) == record


@settings(max_examples=300)
@given(some.lists(VALUES, min_size=1, max_size=9), some.integers(0, 400), some.binary(max_size=2))
def test_an_array_that_is_damaged_anywhere_is_refused_as_a_whole_reading_refuses_it(rows, at, damage):
    body = json.dumps(rows).encode()
    at %= len(body)
    damaged = body[:at] + damage + body[at + 1 :]
    try:
        expected = msgspec.json.decode(damaged, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        expected = NotThisKind
    except (msgspec.DecodeError, RecursionError):
        expected = NotJson
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 8)
        if isinstance(expected, list):
            got = [bytes(row) for piece in pieces_of_array(damaged, lambda _array: None, MOST) for row in piece]
            assert got == [bytes(row) for row in expected]
        else:
            with pytest.raises((expected, NotJson)):  # of what is both, no array comes first when it is read at once
                list(pieces_of_array(damaged, lambda _array: None, MOST))


@pytest.mark.parametrize(
    "body", [b"[1,2,]", b"[1,,2]", b"[,1,2]", b"[1,2", b"[1,2]]", b"[1,2],", b"[%b," % (b" " * 99)]
)
@pytest.mark.usefixtures("short_pieces")
def test_a_comma_too_many_is_no_json(body):
    padded = body.replace(b"1", b'"' + b"x" * 20 + b'"')
    for each in (body, padded):
        with pytest.raises(NotJson):
            elements(each)


def test_the_place_of_a_fault_is_that_in_the_body():
    body = b"[" + b",".join([ROW] * 20_000) + b",x]"
    with pytest.raises(NotJson, match=rf"\(byte {len(body) - 2}\)"):
        elements(body, most=30_000)


ART = {
    "rows": b"[" + b",".join([ROW] * 100_000) + b"]",
    "nothing": b"[" + b"{}," * 1_000_000 + b"{}]",
    "numbers": b"[" + b"1," * 1_000_000 + b"1]",
    "texts that look like ends": b"[" + b'"},{",' * 500_000 + b"1]",
    "ends in texts, then rows": b'["' + b"},{" * 700_000 + b'",' + b"{}," * 500_000 + b"1]",
    "a list in a list": b"[[" + b"{}," * 500_000 + b"1]," + b"{}," * 500_000 + b"1]",
    "numbers, then an end": b"[" + b"1," * 1_000_000 + b"{},1]",
}


@pytest.mark.parametrize("body", ART.values(), ids=ART)
def test_more_elements_than_may_be_are_never_made(body):
    lengths, made = [], 0
    with pytest.raises((TooManyElements, StopIteration)):  # noqa: PT012
        for piece in pieces_of_array(body, lambda array: lengths.append(len(array)), MOST):
            made += len(piece)
            if made > MOST:
                raise StopIteration
    assert made < MOST + pieces.PIECE_BYTES
    assert not lengths or lengths[0] <= 2 * pieces.PIECE_BYTES


def test_plain_rows_are_read_by_pieces_of_the_stated_size():
    lengths = []
    rows = [{"age": random.Random(at).randrange(99), "name": "x" * 200} for at in range(10_000)]
    assert elements(json.dumps(rows).encode(), read=lambda array: lengths.append(len(array))) == rows
    assert max(lengths) < pieces.PIECE_BYTES + 1_000
    names = {f"name {at}": at for at in range(50_000)}
    assert fields(json.dumps(names).encode()) == names


@given(some.lists(some.sampled_from([b"{}", b"", b"  ", b"[1]", b"x" * 9])), some.sampled_from([b"\n", b"\r\n"]))
def test_the_pieces_of_lines_are_the_lines(lines, end):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 8)
        found = [line.strip() for piece in pieces_of_lines(end.join(lines)) for line in piece]
    assert found == [line for line in lines if line.strip()]
