"""From a request to a row: what is accepted, and what is refused and how."""

from __future__ import annotations

import json
import math

import msgspec
import numpy as np
import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.encoding.row import NotJson, RowCodec, matrix
from tabular.encoding.values import MAX_LABEL_CHARACTERS
from tabular.errors import InvalidRow
from tests.unit.churn import CODEC, CONTRACT

EXAMPLE = CONTRACT.example


def decode(**changes):
    return CODEC.decode(json.dumps({**EXAMPLE, **changes}).encode())


def value(row, name):
    return row.values[CONTRACT.feature_names.index(name)]


def code(row, name):
    return row.codes[CONTRACT.feature_names.index(name)]


def faults(body=None, **changes):
    with pytest.raises(InvalidRow) as refused:
        CODEC.decode(json.dumps({**EXAMPLE, **changes}).encode() if body is None else body)
    return {fault.field: fault for fault in refused.value.faults}


def test_the_example_is_a_row_in_contract_order():
    row = decode()
    assert row.values == tuple(EXAMPLE.values())
    assert row.codes == (57, 0, 2, 2, 1, 2, 0, 44, 3, 4010, 1247)
    assert row.unknown == ()


@pytest.mark.parametrize("name", ["credit_card_churn_full", "telecom_churn"])
def test_every_shipped_example_is_a_row_without_a_warning(name):
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    assert RowCodec(contract).decode(msgspec.json.encode(contract.example)).unknown == ()


def test_the_public_example_is_answered():
    row = decode(customer_age=100, gender="F", months_on_book=4, education_level=2, income_category=2)
    assert value(row, "customer_age") == 100
    assert value(row, "education_level") == "Graduate"


@pytest.mark.parametrize("spelling", ["Less than $40K", "less THAN $40k", " less than $40K ", 0, 0.0])
def test_an_ordinal_takes_its_code_or_its_label_in_any_letter_case(spelling):
    row = decode(income_category=spelling)
    assert value(row, "income_category") == "Less than $40K"
    assert code(row, "income_category") == 0


@pytest.mark.parametrize(("label", "position"), [("$120K +", 4), ("$40K - $60K", 1), (4, 4)])
def test_labels_are_taken_literally(label, position):
    assert code(decode(income_category=label), "income_category") == position


@pytest.mark.parametrize("bad", [5, -1, 1.5, True, [], {}])
def test_a_code_that_is_none_is_refused_with_the_codes_and_labels(bad):
    found = faults(income_category=bad)["income_category"]
    assert "a code from 0 to 4" in found.allowed
    assert "$120K +" in found.allowed


@pytest.mark.parametrize("bad", [0, 1, 2.5, True])
def test_a_category_has_no_codes(bad):
    assert "is not a known value" in faults(gender=bad)["gender"].problem


@pytest.mark.parametrize("missing", [None, "", "Unknown", "unknown", " UNKNOWN "])
@pytest.mark.parametrize("name", ["customer_age", "gender", "education_level", "credit_limit"])
def test_every_spelling_of_missing_is_the_same_missing(name, missing):
    row = decode(**{name: missing})
    assert value(row, name) is None
    assert math.isnan(code(row, name))
    assert row.unknown == ()


def test_an_unknown_category_is_missing_to_the_model_and_named():
    row = decode(gender="X", card_category="Wood")
    assert row.unknown == ("gender", "card_category")
    assert value(row, "gender") == "X"
    assert math.isnan(code(row, "gender"))


@pytest.mark.parametrize("age", [57, 57.0])
def test_an_integer_may_be_written_as_any_whole_number(age):
    age_value = value(decode(customer_age=age), "customer_age")
    assert age_value == 57
    assert isinstance(age_value, int)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (57.5, "is not a whole number"),
        ("57", "is text, not a number: send it without quotes"),
        ("old", "is not a number"),
        (True, "is not a number"),
        ([57], "is not a number"),
        ({"years": 57}, "is not a number"),
        (17, "is out of the plausible range"),
        (121, "is out of the plausible range"),
        (-1, "is out of the plausible range"),
        (10**30, "is out of the plausible range"),
    ],
)
def test_a_bad_integer_is_refused_with_what_was_given_and_what_is_allowed(bad, problem):
    found = faults(customer_age=bad)["customer_age"]
    assert found.problem == problem
    assert found.allowed == "a whole number from 18 to 120, or null"
    assert "given" in json.loads(msgspec.json.encode(found))


def test_both_ends_of_the_range_are_allowed():
    assert value(decode(customer_age=18), "customer_age") == 18
    assert value(decode(customer_age=120), "customer_age") == 120
    assert value(decode(credit_limit=1_000_000), "credit_limit") == 1e6


def test_every_faulty_field_is_named_at_once():
    record = {**EXAMPLE, "customer_age": "old", "gender": 3, "credit_limit": -1, "colour": "red", "CLIENTNUM": 1}
    del record["months_on_book"]
    found = faults(json.dumps(record).encode())
    assert set(found) == {"customer_age", "gender", "credit_limit", "colour", "CLIENTNUM", "months_on_book"}
    assert found["months_on_book"].problem == "is missing"
    assert found["colour"].problem == "is not a feature of this table"


@pytest.mark.parametrize("name", ["Attrition_Flag", "CLIENTNUM", "Customer_Age"])
def test_a_label_an_id_or_a_source_column_is_no_feature(name):
    assert set(faults(**{name: 1})) == {name}


def test_an_empty_record_lacks_every_feature():
    assert set(faults(b"{}")) == set(CONTRACT.feature_names)


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b"null", b"[{}]"])
def test_a_record_must_be_an_object(body):
    assert set(faults(body)) == {"record"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"customer_age=57",
        b'{"customer_age": NaN}',
        b'{"customer_age": Infinity}',
        b'{"customer_age": -Infinity}',
        b'{"customer_age": 1e999}',
        b"{'customer_age': 57}",
        b'{"customer_age": 57,}',
        b"\xff\xfe{}",
        b"{} {}",
        b'{"gender": "\xff"}',
        b'{"gender": "\\ud800"}',
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_json_is_said_to_be_not_json(body):
    with pytest.raises(NotJson, match="not JSON"):
        CODEC.decode(body)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_decoded_nan_or_infinity_is_refused_too(bad):
    for name in ("customer_age", "credit_limit", "income_category"):
        with pytest.raises(InvalidRow, match=name):
            CODEC.parse({**EXAMPLE, name: bad})


def test_a_label_too_long_is_refused_and_not_echoed_whole():
    found = faults(gender="x" * 10_000)["gender"]
    assert "longer than" in found.problem
    assert len(found.given) == MAX_LABEL_CHARACTERS + 1


def test_an_answer_to_any_fault_is_json(tiny_contract):
    nested = {"deep": [[[1, 2], {"x": None}]] * 50}
    with pytest.raises(InvalidRow) as refused:
        RowCodec(tiny_contract()).parse({"class": nested, "weight": 10**400, "stars": b"bytes", 7: 1})
    assert json.loads(msgspec.json.encode(refused.value.faults))


def test_names_that_are_no_identifiers_are_fine(tiny_contract):
    contract = tiny_contract()
    row = RowCodec(contract).decode(b'{"age in years": 3, "class": "b", "stars": "2", "weight": -1.5}')
    assert row.values == (3, "B", "2", -1.5)
    assert row.codes == (3, 1, 1, -1.5)


def test_rows_stack_to_a_float32_matrix():
    stacked = matrix([decode(), decode(gender=None)])
    assert stacked.shape == (2, 11)
    assert stacked.dtype == np.float32
    assert np.isnan(stacked[1, 1])


@pytest.mark.parametrize(("given", "key"), [("C-1", "C-1"), (" C-1 ", "C-1"), (7, "7"), (7.0, "7"), ("", None)])
def test_a_business_key_is_read_beside_the_features_and_changes_nothing_of_them(given, key):
    row = decode(customer_id=given)
    assert row.business_key == key
    assert msgspec.structs.replace(row, business_key=None) == decode()


def test_a_business_key_is_read_by_the_long_way_too():
    assert decode(customer_id=7, gender=" f ").business_key == "7"
    assert decode(customer_id="C-1", income_category=" unknown").business_key == "C-1"


def test_a_business_key_that_is_none_is_named_beside_the_other_faults():
    found = faults(customer_id=["C-1"], customer_age="old")
    assert set(found) == {"customer_id", "customer_age"}
    assert found["customer_id"].problem == "cannot be a key"


def test_a_contract_without_a_business_key_takes_none():
    codec = RowCodec(load_contract(PROJECT / "contracts" / "telecom_churn.toml"))
    example = load_contract(PROJECT / "contracts" / "telecom_churn.toml").example
    assert codec.decode(msgspec.json.encode(example)).business_key is None
    with pytest.raises(InvalidRow) as refused:
        codec.decode(msgspec.json.encode(example | {"customer_id": "C-1"}))
    assert [(one.field, one.allowed) for one in refused.value.faults] == [("customer_id", "leave it out")]
