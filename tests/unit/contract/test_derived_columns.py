"""Derived columns, datetimes, booleans and a derived target in a contract: what is wrong is named."""

from __future__ import annotations

import copy

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.errors import InvalidContract

MOMENT = {"kind": "datetime", "description": "x", "example": "2024-05-31T14:05:00"}
DATES = [{"name": name, "column": name, **MOMENT} for name in ("begin", "end")]
DERIVED = [
    {"name": "duration", "operation": "minutes_between", "of": ["begin", "end"]},
    {"name": "hour", "operation": "hour", "of": ["begin"]},
]


def with_dates(*changes):
    def change(file):
        file["features"] += copy.deepcopy(DATES)
        file["derived"] = copy.deepcopy(DERIVED)
        for each in changes:
            each(file)

    return change


def more(**derived):
    return lambda file: file["derived"].append({"name": "more", **derived})


BAD = {
    "no column of this name": (more(operation="hour", of=["nowhere"]), "derived more: of names 'nowhere'"),
    "a later one": (
        lambda file: file["derived"].insert(0, {"name": "m", "operation": "log", "of": ["duration"]}),
        "derived m: of names 'duration', which is neither a feature nor a derived column before it",
    ),
    "a taken name": (
        lambda file: file["derived"].append({"name": "hour", "operation": "month", "of": ["end"]}),
        "derived hour: another column has this name",
    ),
    "too few columns": (more(operation="ratio", of=["weight"]), "derived more: ratio is of 2 columns, not of 1"),
    "too many": (more(operation="log", of=["weight", "weight"]), "derived more: log is of 1 column, not of 2"),
    "a number as a date": (more(operation="hour", of=["weight"]), "hour needs a datetime, and weight is a number"),
    "a category as a number": (more(operation="log", of=["class"]), "log needs a number, and class is a category"),
    "a number as a category": (
        more(operation="cross", of=["class", "age in years"]),
        "cross needs a category, an ordinal or a boolean, and age in years is an integer",
    ),
    "a foreign parameter": (
        more(operation="log", of=["weight"], edges=[1]),
        "derived more: edges is no parameter of log: it belongs to bins",
    ),
    "a cyclic log": (more(operation="log", of=["weight"], cyclic="sin"), "cyclic is no parameter of log"),
    "a clip of nothing": (more(operation="clip", of=["weight"]), r"derived more: clip needs range"),
    "bins of nothing": (more(operation="bins", of=["weight"]), r"derived more: bins needs edges"),
    "bins that fall": (more(operation="bins", of=["weight"], edges=[1, 0]), r"derived more: bins needs edges"),
    "an unknown operation": (more(operation="square", of=["weight"]), "square"),
    "two zones": (
        lambda file: file["features"][-1].update(time_zone="UTC", example="2024-05-31T14:05:00Z"),
        "derived duration: begin and end differ in time_zone",
    ),
    "a zone of a number": (lambda file: file["features"][0].update(time_zone="UTC"), "time_zone is for a datetime"),
    "days of a number": (
        lambda file: file["features"][0].update(synthetic={"between": ["2024-01-01", "2024-02-01"]}),
        "age in years: synthetic.between is for a datetime",
    ),
    "days upside down": (
        lambda file: file["features"][-1].update(synthetic={"between": ["2024-02-01", "2024-01-01"]}),
        "end: synthetic.between needs two days",
    ),
    "a datetime with a range": (lambda file: file["features"][-1].update(range=[0, 1]), "end: kind datetime has neit"),
    "an example in a zone": (
        lambda file: file["features"][-1].update(example="2024-05-31T14:05:00Z"),
        "end: example '2024-05-31T14:05:00Z' is not a value",
    ),
    "an unused datetime": (
        lambda file: file.update(derived=[]),
        r"begin: a datetime is no input of the model by itself, and nothing is derived from it. Add a \[\[derived\]\]",
    ),
    "an unused column": (
        lambda file: file["features"][0].update(model_input=False),
        "age in years: model_input is false and nothing is derived from it",
    ),
    "an unused derived column": (
        lambda file: file["derived"][1].update(model_input=False),
        "hour: model_input is false and nothing is derived from it",
    ),
    "a boolean of three": (
        lambda file: file["features"][1].update(kind="boolean", categories=["A", "B", "C"]),
        "class: kind boolean has no range, and categories are its words",
    ),
    "a boolean upside down": (
        lambda file: file["features"][1].update(kind="boolean", categories=["true", "B"], example="B"),
        "class: category 'true' means true everywhere",
    ),
    "a boolean that is missing": (
        lambda file: (file["table"].update(missing_tokens=["1"]), file["features"][1].update(kind="boolean")),
        "class: the missing token '1' also means true",
    ),
    "a name that JSON escapes": (lambda file: file["derived"][1].update(name='6" pipes'), "quote"),
    "a name of drift": (lambda file: file["derived"][1].update(name="weight is there"), "is a name of ours"),
}
BAD_TARGETS = {
    "one column twice": ({"minutes_between": ["begin", "begin"]}, "names begin twice"),
    "its end as a feature": (
        {"minutes_between": ["begin", "end"]},
        "the feature end is the column end, which is known",
    ),
    "a number as its begin": ({"minutes_between": ["Age", "later"]}, "the feature of column Age must be of kind datet"),
    "a range upside down": ({"keep": [60, 1]}, "target.keep: needs two finite numbers in rising order"),
    "a column with spaces": ({"minutes_between": ["begin", " later"]}, "target.minutes_between: ' later' is empty or"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(tiny_contract, name):
    change, message = BAD[name]
    with pytest.raises(InvalidContract, match=message):
        tiny_contract(change=with_dates(change))


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_what_is_wrong_with_a_derived_target_is_named(tiny_contract, name):
    keys, message = BAD_TARGETS[name]
    with pytest.raises(InvalidContract, match=message):
        tiny_contract("regression", with_dates(lambda file: file["target"].update(keys)))


def test_only_a_regression_has_minutes_to_predict(tiny_contract):
    with pytest.raises(InvalidContract, match="minutes_between and keep are for a regression"):
        tiny_contract(change=with_dates(lambda file: file["target"].update(keep=[1, 60])))


def test_the_inputs_are_the_features_that_are_inputs_and_then_the_derived_columns(tiny_contract):
    def change(file):
        file["features"][0]["model_input"] = False
        file["derived"][0]["model_input"] = False
        file["derived"] += [
            {"name": "old", "operation": "bins", "of": ["age in years"], "edges": [18, 65]},
            {"name": "long", "operation": "log", "of": ["duration"], "offset": 1, "description": "Its logarithm."},
            {"name": "class and stars", "operation": "cross", "of": ["class", "stars"]},
        ]

    contract = tiny_contract(change=with_dates(change))
    assert contract.input_names == ("class", "stars", "weight", "hour", "old", "long", "class and stars")
    assert contract.feature_names == ("age in years", "class", "stars", "weight", "begin", "end")
    inputs = {column.name: column for column in contract.inputs}
    assert inputs["old"].categories == ("below 18", "18 to below 65", "65 and more")
    assert inputs["class and stars"].categories == ("A & 1", "A & 2", "A & 3", "B & 1", "B & 2", "B & 3")
    assert inputs["long"].description == "Its logarithm."
    assert inputs["hour"].description == "Derived: hour of begin."
    assert [name for name, column in inputs.items() if column.follows_calendar] == ["hour"]


def test_a_contract_without_derived_columns_has_its_features_as_inputs():
    contract = load_contract(PROJECT / "contracts" / "telecom_churn.toml")
    assert contract.input_names == contract.feature_names
