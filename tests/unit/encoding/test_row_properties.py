"""Properties of reading a record that hold for any contract, whatever its features are called and may hold."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tabular.encoding.dates import moment_in
from tabular.encoding.row import RowCodec, matrix, parse_json
from tabular.errors import Rejected
from tests.unit.any_contract import contracts, near_records, quick, right_values


def outcome(read) -> tuple[Any, ...] | str:
    try:
        row = read()
    except Rejected as refused:
        return str(refused)
    return row.values, tuple(map(type, row.values)), tuple(map(repr, row.codes)), row.unknown


@quick
@given(st.data())
def test_the_fast_door_equals_the_patient_door_for_any_contract(data):
    contract = data.draw(contracts())
    codec = RowCodec(contract)
    body = msgspec.json.encode(data.draw(near_records(contract)))
    assert outcome(lambda: codec.decode(body)) == outcome(lambda: codec.parse(parse_json(body)))


@quick
@given(st.data())
def test_a_canonical_row_sent_again_is_the_same_row(data):
    contract = data.draw(contracts())
    codec = RowCodec(contract)
    try:
        row = codec.decode(msgspec.json.encode(data.draw(near_records(contract))))
    except Rejected:
        return
    again = codec.decode(msgspec.json.encode(dict(zip(contract.feature_names, row.values, strict=True))))
    assert again.values == row.values
    assert again.unknown == row.unknown
    np.testing.assert_array_equal(matrix([again]), matrix([row]))


@quick
@given(st.data())
def test_a_record_that_keeps_the_contract_is_never_refused_and_a_code_is_the_position_of_its_category(data):
    contract = data.draw(contracts())
    record = {feature.name: data.draw(right_values(feature)) for feature in contract.features}
    row = RowCodec(contract).decode(json.dumps(record).encode())
    assert (row.values, row.unknown) == (tuple(record.values()), ())
    codes = row.codes if row.feature_codes is None else row.feature_codes
    for feature, code in zip(contract.features, codes, strict=True):
        given_value = record[feature.name]
        if feature.is_datetime:
            assert code == moment_in(given_value).microseconds
        else:
            assert code == (given_value if feature.is_numeric else feature.categories.index(given_value))


@quick
@given(st.data())
def test_any_damage_to_a_body_is_read_or_rejected_with_faults_that_are_json(data):
    contract = data.draw(contracts())
    body = bytearray(msgspec.json.encode(data.draw(near_records(contract))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        RowCodec(contract).decode(bytes(body))  # anything but Rejected fails the test
    except Rejected as refused:
        json.loads(msgspec.json.encode(refused.faults))
