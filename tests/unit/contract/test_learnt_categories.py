"""`categories = "learn"`: how it is written, what is said of mistakes, and what the contract is before a training."""

from __future__ import annotations

import msgspec
import pytest

from tabular.contract.json_schema import record_schema
from tabular.contract.loading import contract_from_json, load_contract
from tabular.encoding.row import RowCodec
from tabular.errors import InvalidContract
from tests.unit.learnt_cities import LEAST_COUNT, cities_contract

TOML = """
[table]
name = "cities"
title = "Cities"
task = "regression"
[target]
column = "price"
[reply]
prediction_key = "price"
[[features]]
name = "size"
column = "Size"
kind = "number"
range = [0, 1]
[[features]]
name = "city"
column = "City"
"""
CITY = {"name": "city", "column": "City", "kind": "category", "categories": "learn"}
SIZE = {"name": "size", "column": "Size", "kind": "number", "range": [0, 1]}


def load(tmp_path, lines):
    file = tmp_path / "cities.toml"
    file.write_text(TOML + lines)
    return load_contract(file)


def test_the_word_stands_for_categories_that_come_with_training(tmp_path):
    city = load(tmp_path, 'kind = "category"\ncategories = "learn"').features[1]
    assert city.learns_categories
    assert city.is_unlearnt
    assert (city.categories, city.least_count) == ((), 20)
    assert load(tmp_path, 'kind = "category"\ncategories = "learn"\nleast_count = 5').features[1].least_count == 5


def test_a_contract_reads_back_as_it_was_written_before_and_after_training():
    contract = cities_contract()
    assert contract_from_json(msgspec.json.encode(contract)) == contract
    city = msgspec.structs.replace(contract.features[1], categories=("Bern",), example="Bern")
    taught = msgspec.structs.replace(contract, features=(contract.features[0], city))
    read = contract_from_json(msgspec.json.encode(taught))
    assert read.features[1].categories == ("Bern",)
    assert read.features[1].least_count == LEAST_COUNT
    assert read.digest != contract.digest


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('kind = "ordinal"\ncategories = "learn"', "the table does not tell the order of an ordinal"),
        ('kind = "boolean"\nleast_count = 5', "are for kind category: not boolean"),
        ('kind = "number"\nrange = [0, 1]\nleast_count = 5', "are for kind category: not number"),
        ('kind = "category"\ncategories = "learn"\nleast_count = 0', "a whole number of at least 1, not 0"),
        ('kind = "category"\ncategories = "learnt"', "categories"),
        ('kind = "category"\ncategories = ["one"]', "two or more categories"),
    ],
)
def test_what_is_wrong_is_said_with_the_feature(tmp_path, lines, why):
    with pytest.raises(InvalidContract, match="city") as told:
        load(tmp_path, lines)
    assert why in str(told.value)


def test_a_cross_needs_its_categories_listed():
    derived = [{"name": "both", "operation": "cross", "of": ["city", "city_too"]}]
    other = {"name": "city_too", "column": "Other", "kind": "category", "categories": ["a", "b"]}
    with pytest.raises(InvalidContract, match="the categories of city are learnt in training, and a cross needs them"):
        cities_contract(features=[SIZE, CITY, other], derived=derived)


def test_before_training_any_text_is_read_and_none_is_known():
    codec = RowCodec(cities_contract())
    for given in ("Bern", 3011, True):
        row = codec.parse({"size": 1.0, "city": given})
        assert row.unknown == ("city",)
    assert codec.parse({"size": 1.0, "city": "n/a"}).unknown == ()
    schema = record_schema(cities_contract())["properties"]["city"]
    assert schema["x-categories"] == []
    assert "the categories of the training rows" in schema["description"]
