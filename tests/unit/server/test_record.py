"""A large record has the same row, and the same faults, as its codec finds; of what no fault names nothing is made."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from server.record import LARGE_BYTES, read_record
from tabular.errors import InvalidRow, RecordTooLarge
from tabular.row import MAX_RECORD_BYTES, NotJson


def padded(record: dict, size: int = LARGE_BYTES + 1) -> bytes:
    return json.dumps(record).encode().replace(b"{", b"{" + b" " * size, 1)


def test_a_large_record_that_keeps_the_contract_is_the_same_row(bundle):
    for golden in bundle.golden:
        record = dict(golden.record)
        assert read_record(bundle, padded(record)) == bundle.codec.decode(json.dumps(record).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"credit_limit": "x" * 20_000},
        {"gender": "x" * 20_000},
        {f"x{at}": at for at in range(3_000)},
        {"credit_limit": -1, "x": None, "y": "z" * 9_000},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_large_record_has_the_faults_that_its_codec_finds(bundle, contract, change):
    record = contract.example | change
    with pytest.raises(InvalidRow) as expected:
        bundle.codec.decode(json.dumps(record).encode())
    with pytest.raises(InvalidRow) as found:
        read_record(bundle, padded(record))
    assert found.value.faults == expected.value.faults
    assert found.value.fault_count == expected.value.fault_count


@pytest.mark.parametrize("nested", [[{}] * 9_000, {"a": [1] * 9_000}])
def test_what_is_nested_is_told_by_its_beginning(bundle, contract, nested):
    with pytest.raises(InvalidRow) as found:
        read_record(bundle, padded(contract.example | {"credit_limit": nested}))
    (fault,) = found.value.faults
    assert (fault.field, fault.problem) == ("credit_limit", "is not a number")
    assert len(str(fault.given)) <= 101


@pytest.mark.parametrize("body", [b"[" * 20_000, b'{"a": ' * 9_000, b'{"a": "' + b"x" * 20_000, b'"x"' * 9_000])
def test_a_large_body_that_is_no_json_is_told_so(bundle, body):
    with pytest.raises(NotJson):
        read_record(bundle, body)


def test_a_large_body_of_another_kind_is_told_so(bundle):
    for body in (b"[" + b"1," * 9_000 + b"1]", b'"' + b"x" * 20_000 + b'"'):
        with pytest.raises(InvalidRow, match="JSON object"):
            read_record(bundle, body)


def test_a_record_that_is_too_large_is_not_read(bundle):
    with pytest.raises(RecordTooLarge):
        read_record(bundle, b"[" * (MAX_RECORD_BYTES + 1))


@pytest.mark.parametrize("body", [b'{"a": [' + b"{}," * 300_000 + b"1]}", b'{"a": [' + b'"x",' * 200_000 + b"1]}"])
def test_little_is_made_of_what_is_nested(bundle, body):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRow):
            read_record(bundle, body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5 * len(body)
