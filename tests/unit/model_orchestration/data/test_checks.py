"""The data checks: every planted fault is found and named, and a good table raises no alarm."""

from __future__ import annotations

import json
import re

import msgspec
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.errors import InvalidTable
from tests.unit.model_orchestration.planted_faults import ROWS, planted


def cell(row, column, value):
    def change(frame):
        frame.loc[row - 1, column] = value
        return frame

    return change


def errors(contract, body):
    report = check(contract, body)
    assert report.errors
    with pytest.raises(InvalidTable) as rejected:
        report.require()
    assert rejected.value.faults == report.errors
    return str(rejected.value)


def test_a_good_table_passes_without_a_word(contract, body, accepted):
    report = check(contract, body, accepted)
    report.require()
    assert report.rows == ROWS
    assert report.warnings == ()
    assert report.drifted == ()
    assert report.class_rows == {"Existing Customer": 1680, "Attrited Customer": 320}
    assert report.missing_share["education_level"] == pytest.approx(0.15, abs=0.03)


def test_the_report_is_json(contract, body):
    assert json.loads(msgspec.json.encode(check(contract, body)))["rows"] == ROWS


FILES = {
    "binary junk": (lambda _: bytes(range(256)) * 50, "not text in UTF-8"),
    "cut in a row": (lambda body: body[: len(body) // 2], r"row \d+, cells: are \d+"),
    "semicolons among commas": (lambda body: body.replace(b",", b";", 50), r"row \d+, cells: are \d+|header: has"),
    "an empty file": (lambda _: b"", "the file is empty"),
    "a header alone": (lambda body: body.partition(b"\n")[0], "the table has no rows"),
    "a column less": (lambda body: body.replace(b"Credit_Limit", b"Limit", 1), "Credit_Limit: is missing from the tab"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_corrupted_file_is_an_error(contract, body, name):
    spoil, why = FILES[name]
    assert re.search(why, errors(contract, spoil(body)))


CELLS = {
    "text in a number": ("Customer_Age", "old", "row 17, Customer_Age: holds 'old'"),
    "a fraction in an integer": ("Customer_Age", "40.5", "row 17, Customer_Age: holds '40.5'"),
    "out of range": ("Credit_Limit", "-5", "row 17, Credit_Limit: holds '-5' (allowed: a number from 0"),
    "an unknown category": ("Card_Category", "Wood", "row 17, Card_Category: holds 'Wood' (allowed: one of Blue"),
    "a missing target": ("Attrition_Flag", "", "row 17, Attrition_Flag: holds ''"),
    "an unknown target": ("Attrition_Flag", "Gone", "row 17, Attrition_Flag: holds 'Gone'"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_bad_cell_is_an_error_by_row_and_column(contract, body, name):
    column, value, named = CELLS[name]
    assert named in errors(contract, planted(body, cell(17, column, value)))


def test_a_doubled_id_is_an_error_by_row(contract, body):
    def double(frame):
        frame.loc[[99, 199], "CLIENTNUM"] = frame.loc[0, "CLIENTNUM"]
        return frame

    found = errors(contract, planted(body, double))
    assert "row 100, CLIENTNUM: repeats" in found
    assert "row 200, CLIENTNUM: repeats" in found


def test_a_doubled_id_is_named_beside_a_bad_cell(contract, body):
    def both(frame):
        frame.loc[99, ["CLIENTNUM", "Gender"]] = frame.loc[0, "CLIENTNUM"], "X"
        return frame

    found = errors(contract, planted(body, both))
    assert "row 100, CLIENTNUM: repeats" in found
    assert "row 100, Gender: holds 'X'" in found


def test_a_table_uploaded_twice_in_one_file_is_an_error(contract, body):
    header, _, rows = body.partition(b"\n")
    assert "(2000 rows in all)" in errors(contract, header + b"\n" + rows + rows)


def test_without_ids_a_few_twins_are_a_warning_and_many_an_error(contract, body):
    def without_id(frame, twins):
        frame = frame.drop(columns="CLIENTNUM")
        return pd.concat([frame, frame.iloc[:twins]])

    few = check(contract, planted(body, lambda frame: without_id(frame, 3)))
    assert not few.errors
    assert any("3 rows repeat an earlier one exactly: rows 2001, 2002, 2003" in warning for warning in few.warnings)
    assert any("the id column CLIENTNUM is not in the table" in warning for warning in few.warnings)
    assert "row 2001, row: repeats an earlier row (200 rows in all)" in errors(
        contract, planted(body, lambda frame: without_id(frame, 200))
    )


def test_one_class_only_is_an_error(contract, body):
    only = planted(body, lambda frame: frame[frame["Attrition_Flag"] == "Existing Customer"])
    assert "Attrition_Flag: is 'Attrited Customer' in 0 rows only" in errors(contract, only)


def test_a_tiny_class_is_an_error_and_a_small_one_a_warning(contract, body):
    def keep(left):
        return lambda frame: pd.concat(
            [
                frame[frame["Attrition_Flag"] == "Existing Customer"],
                frame[frame["Attrition_Flag"] != "Existing Customer"][:left],
            ]
        )

    assert "in 9 rows only" in errors(contract, planted(body, keep(9)))
    report = check(contract, planted(body, keep(12)))
    assert not report.errors
    assert any("'Attrited Customer' has 12 of 1692 rows only" in warning for warning in report.warnings)


def test_too_few_rows_are_an_error(contract, body):
    assert "rows: are 99 (allowed: at least 100)" in errors(contract, planted(body, lambda frame: frame[:99]))


def test_a_regression_target_that_never_varies_is_an_error(tiny_contract):
    contract = tiny_contract("regression")
    body = planted(make_table(contract, 200, 0), lambda frame: frame.assign(Y="5"))
    assert "Y: has one value only" in errors(contract, body)


def test_a_column_without_any_value_is_an_error_and_with_few_a_warning(contract, body):
    assert "Credit_Limit: has no value in any row" in errors(
        contract, planted(body, lambda frame: frame.assign(Credit_Limit=""))
    )

    def mostly(frame):
        frame.loc[:1499, "Credit_Limit"] = "Unknown"
        return frame

    report = check(contract, planted(body, mostly))
    assert not report.errors
    assert "credit_limit: 75% of the values are missing" in report.warnings


def test_a_constant_column_is_a_warning(contract, body):
    report = check(contract, planted(body, lambda frame: frame.assign(Gender="F")))
    assert report.warnings == ("gender: every row has the same value, so nothing is learnt from it",)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("credit_card_churn", "BankChurners.csv"),
        ("credit_card_churn_full", "BankChurners.csv"),
        ("telecom_churn", "telecom_churn.csv"),
    ],
)
def test_the_real_tables_pass_without_a_word(real_tables, name, file):
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    body = (real_tables / file).read_bytes()
    report = check(contract, body, clean(contract, read_table(body).cells))
    report.require()
    assert report.warnings == ()


def test_an_altered_public_copy_is_rejected_by_column(real_tables, contract):
    body = (real_tables / "seed003_credit_card_churn_clean.csv").read_bytes()
    assert "Attrition_Flag: is missing from the table" in errors(contract, body)
