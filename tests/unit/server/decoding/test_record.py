"""A large record has the same row, and the same faults, as its codec finds; of what no fault names nothing is made."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc

import pytest

from server.decoding.record import LARGE_BYTES, OtherContent, read_record
from server.decoding.wrappers import WrappedRecord
from tabular.data import sniffing
from tabular.encoding.row import MAX_RECORD_BYTES, NotJson
from tabular.errors import InvalidRow, RecordTooLarge


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
    for body in (b"1" * 200 + b" " * 20_000, b'"' + b"x" * 20_000 + b'"'):
        with pytest.raises(InvalidRow, match="JSON object"):
            read_record(bundle, body)
    with pytest.raises(WrappedRecord, match="an array"):
        read_record(bundle, b"[" + b"1," * 9_000 + b"1]")


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


@pytest.mark.parametrize("size", [0, LARGE_BYTES])
def test_a_byte_order_mark_is_read(bundle, contract, size):
    assert read_record(bundle, sniffing.BOM + padded(contract.example, size)) == bundle.codec.parse(contract.example)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (gzip.compress, sniffing.GZIP),
        (lambda body: body.decode().encode("utf-16"), sniffing.UTF_16),
        (base64.b64encode, "base64 of a JSON object"),
        (lambda body: body + body, sniffing.LINES),
        (lambda body: b"\xf3\x89\x9a\xc2" + body, sniffing.KPL),
        (lambda body: body.replace(b"57", b"NaN", 1), sniffing.NOT_A_NUMBER),
    ],
)
def test_what_is_not_json_is_named(bundle, contract, change, name):
    with pytest.raises(OtherContent, match="not JSON") as found:
        read_record(bundle, change(json.dumps(contract.example).encode()))
    assert found.value.name == name


WRAPPED = {
    "data": lambda record: {"data": record},
    "instances": lambda record: {"signature_name": "x", "instances": [record]},
    "inputs": lambda record: {"inputs": [record]},
    "dataframe_split": lambda record: {"dataframe_split": {"columns": list(record), "data": [list(record.values())]}},
    "dataframe_records": lambda record: {"dataframe_records": [record]},
    "whatever": lambda record: {"whatever": record},
    "body": lambda record: {"resource": "/", "body": json.dumps(record)},
    "record": lambda record: [record],
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_the_features_stand_in_is_named_with_the_right_form(bundle, contract, name):
    with pytest.raises(WrappedRecord) as found:
        read_record(bundle, json.dumps(WRAPPED[name](contract.example)).encode())
    (fault,) = found.value.faults
    assert fault.field == name
    assert '{"customer_age": 57, ' in fault.allowed


def test_a_record_in_a_string_is_named(bundle, contract):
    with pytest.raises(WrappedRecord, match="encoded once too often"):
        read_record(bundle, json.dumps(json.dumps(contract.example)).encode())


@pytest.mark.parametrize("record", [{}, {"data": 1}, {"a": 1, "b": {}}, {"data": "text"}, "text", None, 3])
def test_what_is_no_wrapper_has_the_contracts_faults(bundle, record):
    with pytest.raises(InvalidRow) as found:
        read_record(bundle, json.dumps(record).encode())
    assert not isinstance(found.value, WrappedRecord)


def test_a_feature_that_is_called_like_a_wrapper_is_a_feature(bundle, contract):
    with pytest.raises(InvalidRow) as found:
        read_record(bundle, json.dumps(contract.example | {"data": {"a": 1}}).encode())
    assert not isinstance(found.value, WrappedRecord)
