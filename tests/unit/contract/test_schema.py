"""JSON Schema of a contract: it accepts and refuses what the row codec does."""

from __future__ import annotations

import jsonschema
import msgspec
import pytest

from embedded.layout import PROJECT
from tabular.contract.json_schema import allowed, record_schema
from tabular.contract.loading import load_contract
from tabular.encoding.row import RowCodec
from tabular.errors import Rejected

CONTRACTS = sorted((PROJECT / "contracts").glob("*.toml"))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_the_schema_of_every_contract_is_valid_and_takes_its_example(path):
    contract = load_contract(path)
    schema = record_schema(contract)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(contract.example, schema)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_descriptions_and_examples_the_name_and_a_valid_value_stand_in(tiny_contract, task):
    def bare(file):
        for feature in file["features"]:
            del feature["description"], feature["example"]
        file["features"][0]["name"] = "age_in_years"

    contract = tiny_contract(task, bare)
    schema = record_schema(contract)
    jsonschema.validate(contract.example, schema)
    assert RowCodec(contract).decode(msgspec.json.encode(contract.example)).unknown == ()
    assert None not in RowCodec(contract).parse(contract.example).values
    assert schema["properties"]["age_in_years"]["description"] == "Age in years. A whole number from 0 to 120."
    assert schema["properties"]["age_in_years"]["examples"] == [60]


VALUES = {
    "age in years": [None, "", "?", 0, 120, 57.0, -1, 121, 1.5, "57", True, [1], {}],
    "class": [None, "", "?", "A", "b", "never seen", 0, 1.5, False, "x" * 101, ["A"]],
    "stars": [None, "?", "1", "2", "never seen", 0, 2, 2.0, 3, -1, 0.5, 1e300, True, "x" * 101],
    "size": [None, "?", "low", "1", "never seen", 0, 2.0, 3, -1, 0.5, True, "x" * 101],
    "member": [None, "?", "true", "never seen", 0, 1.0, True, False, "x" * 101],
    "insured": [
        None,
        "",
        "?",
        True,
        False,
        0,
        1,
        1.0,
        2,
        -1,
        0.5,
        "1",
        " 0.0 ",
        "-1",
        "2",
        "Yes",
        "no",
        "maybe",
        "true",
        [1],
    ],
    "seen at": [
        None,
        "",
        "?",
        "2024-05-31",
        "2024-05-31 14:05",
        "2024-05-31T14:05:00Z",
        "31.05.2024",
        0,
        True,
        "x" * 41,
    ],
    "customer": [None, "", "?", "C-1", 7, 7.0, -7, 7.5, 2**53 - 1, 2**53, True, [], {}, "x" * 200, "x" * 201, "a\nb"],
    "weight": [None, "", "?", -1.5, 1.5, 0, -1.51, 2, "0.5", False],
}
CASES = [(name, value) for name, values in VALUES.items() for value in values]


def more_features(file):
    file["table"]["business_key"] = "customer"
    size = file["features"][2] | {
        "name": "size",
        "column": "Size",
        "categories": ["low", "mid", "high"],
        "example": "low",
    }
    member = file["features"][1] | {"name": "member", "column": "M", "categories": ["True", "False"], "example": "True"}
    insured = member | {
        "name": "insured",
        "column": "I",
        "kind": "boolean",
        "categories": ["no", "yes"],
        "example": "no",
    }
    seen = {"name": "seen at", "column": "S", "kind": "datetime"}
    file["features"] += [size, member, insured, seen]
    file["derived"] = [{"name": "hour", "operation": "hour", "of": ["seen at"]}]


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda value: str(value)[:20])
def test_the_schema_and_the_codec_agree_on_every_value(tiny_contract, name, value):
    contract = tiny_contract(change=more_features)
    record = contract.example | {name: value}
    by_schema = jsonschema.Draft202012Validator(record_schema(contract)).is_valid(record)
    try:
        RowCodec(contract).decode(msgspec.json.encode(record))
        by_codec = True
    except Rejected:
        by_codec = False
    assert by_schema == by_codec


def test_every_field_is_required_and_no_other_is_allowed(contract):
    schema = jsonschema.Draft202012Validator(record_schema(contract))
    for name in contract.feature_names:
        assert not schema.is_valid({key: value for key, value in contract.example.items() if key != name})
    assert not schema.is_valid(contract.example | {"another": 1})


def test_the_business_key_may_be_left_out_and_is_described(contract):
    schema = record_schema(contract)
    assert "customer_id" not in schema["required"]
    assert schema["description"].startswith("Every field but customer_id is required")
    assert jsonschema.Draft202012Validator(schema).is_valid(contract.example | {"customer_id": "C-1"})


def test_what_is_allowed_is_said_in_plain_words(contract):
    said = {feature.name: allowed(feature) for feature in contract.features}
    assert said["customer_age"] == "whole number from 18 to 120"
    assert said["credit_limit"] == "number from 0 to 1,000,000"
    assert said["gender"] == "F, M"
    assert said["education_level"].startswith("0 = Uneducated, 1 = High School")
