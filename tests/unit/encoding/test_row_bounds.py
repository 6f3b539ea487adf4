"""What a record may cost: its size, the faults that are named of it, and what is kept of one that was rejected."""

from __future__ import annotations

import gc
import json
import tracemalloc
import weakref

import msgspec
import pytest

from tabular.encoding.columns import ColumnCodec
from tabular.encoding.row import MAX_FAULTS, MAX_RECORD_BYTES, NotJson, RowCodec, parse_json
from tabular.encoding.values import MAX_LABEL_CHARACTERS, shown
from tabular.errors import InvalidRow, RecordTooLarge, Rejected
from tests.unit.churn import CODEC, CONTRACT

EXAMPLE = CONTRACT.example
COLUMNS = ColumnCodec(CONTRACT, CODEC)
MOST = 10_000


def rejected(body, error=InvalidRow) -> Rejected:
    with pytest.raises(error) as caught:
        CODEC.decode(body)
    return caught.value


def padded(size: int) -> bytes:
    """A valid record of that many bytes."""
    body = msgspec.json.encode(EXAMPLE)
    return body[:1] + b" " * (size - len(body)) + body[1:]


def test_a_record_of_the_largest_size_is_read_and_one_byte_more_is_not():
    assert CODEC.decode(padded(MAX_RECORD_BYTES)) == CODEC.parse(EXAMPLE)
    assert "1,000,001 bytes" in rejected(padded(MAX_RECORD_BYTES + 1), RecordTooLarge).message


@pytest.mark.parametrize("filling", [b"[", b"x", b'{"a":', b"\xff"])
def test_a_record_that_is_too_large_is_not_read_whatever_it_holds(filling):
    body = filling * (MAX_RECORD_BYTES + 1)
    rejected(body, RecordTooLarge)
    rejected(msgspec.Raw(body), RecordTooLarge)


def test_the_size_of_a_record_is_asked_in_a_batch_too():
    small, largest, larger = padded(300), padded(MAX_RECORD_BYTES), padded(MAX_RECORD_BYTES + 1)
    assert len(COLUMNS.array(b"[" + b",".join([small, largest, small]) + b"]", MOST)) == 3
    assert COLUMNS.array(b"[" + b",".join([small, larger, small]) + b"]", MOST) is None
    assert len(COLUMNS.lines([small, largest, small])) == 3
    assert COLUMNS.lines([small, larger, small]) is None


def test_a_hundred_faults_are_named_and_the_others_counted():
    record = EXAMPLE | {f"x{at}": at for at in range(40_000)} | {"gender": 7}
    error = rejected(json.dumps(record).encode())
    assert (len(error.faults), error.more, error.fault_count) == (MAX_FAULTS, 39_901, 40_001)
    assert error.summary.endswith("(40001 faults, of which the first 100 are shown)")
    assert str(error).startswith(error.summary)
    assert error.faults[0].field == "gender", "what the contract knows comes first"


def test_up_to_a_hundred_faults_are_all_named():
    record = EXAMPLE | {f"x{at}": at for at in range(MAX_FAULTS)}
    error = rejected(json.dumps(record).encode())
    assert {fault.field for fault in error.faults} == {f"x{at}" for at in range(MAX_FAULTS)}
    assert (error.more, error.summary) == (0, error.message)


def test_what_is_not_named_is_not_made():
    record = EXAMPLE | {f"x{at}": at for at in range(100_000)}
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRow):
            CODEC.parse(record)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 200_000


VALUES = {
    "a long text": "\x01" * 900_000,
    "a wide list": [[]] * 300_000,
    "a wide object": {str(at): {} for at in range(90_000)},
    "lists of lists": [[[["é" * 9] * 50] * 50] * 50] * 50,
    "a long number": 10**3_000,
    "a long name": {"x" * 900_000: 1},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_what_is_echoed_of_a_value_is_bounded(value):
    assert len(msgspec.json.encode(shown(value))) <= 6 * MAX_LABEL_CHARACTERS + 10


@pytest.mark.parametrize("name", ["gender", "customer_age", "education_level", "unknown", "x" * 500_000])
def test_a_fault_is_bounded_whatever_is_given(name):
    for value in VALUES.values():
        with pytest.raises(InvalidRow) as caught:
            CODEC.parse(EXAMPLE | {name: value})
        assert len(msgspec.json.encode(caught.value.faults)) < 2_500


def test_a_value_of_any_depth_is_rejected_and_ends_nothing():
    for depth in range(900, 1_000):  # somewhere here decoding just still works, and a walk that goes as deep does not
        for name in ("gender", "customer_age", "unknown"):
            body = json.dumps(EXAMPLE)[:-1].encode() + f', "{name}": '.encode() + b"[" * depth + b"]" * depth + b"}"
            rejected(body, (InvalidRow, NotJson))


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"[" + b"1," * 400_000 + b"1]"])
def test_what_is_no_object_is_not_echoed_whole(body):
    (fault,) = rejected(body).faults
    assert len(msgspec.json.encode(fault)) < 1_000


@pytest.mark.parametrize(
    "text", [b"{}", b"not json", b'{"gender": "\xff"}', b"[" * 5_000, b" " * 2_000_000, b'{"gender": "\\ud800"}']
)
def test_a_detached_error_keeps_nothing_of_what_it_was_raised_over(text):
    codec = RowCodec(CONTRACT)
    watched = weakref.ref(codec)
    error = _kept(codec, text)
    del codec
    gc.collect()
    assert watched() is None, "its frames hold the codec, and with it the body"
    assert error.message


def _kept(codec: RowCodec, text: bytes) -> Rejected:
    try:
        codec.decode(text)
    except Rejected as error:
        return error.detached()
    raise AssertionError("it was taken")


def test_json_of_any_shape_is_parsed_or_said_to_be_no_json():
    for text in (b"[" * 100_000, b'{"a":' * 100_000, b'"\\ud800"', b"\xff"):
        with pytest.raises(NotJson):
            parse_json(text)
