"""What is said of a table's columns by name."""

from __future__ import annotations

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data.column_names import absent_columns, column_warnings, near_misses
from tabular.data.reading import read_table

COLUMNS = ["Age", "Class", "Stars", "Weight", "Y"]


@pytest.mark.parametrize(
    ("wanted", "there", "meant"),
    [
        ("Credit_Limit", ["credit limit", "Gender"], ["credit limit"]),
        ("Credit_Limit", ["CreditLimit", "credit-limit", "Gender"], ["CreditLimit", "credit-limit"]),
        ("Credit_Limit", ["Credit_Limits"], ["Credit_Limits"]),
        ("gr\u00f6\u00dfe", ["GRO\u0308SSE"], ["GRO\u0308SSE"]),
        ("Age", ["Gender", "Y"], []),
        ("$$", ["%%", "$$$"], ["$$$"]),
        ("Weight (kg)", ["weight_kg", "weight_lb"], ["weight_kg"]),
        ("Age", [], []),
    ],
)
def test_a_name_is_near_another_but_for_case_spaces_and_marks_or_by_a_few_letters(wanted, there, meant):
    assert near_misses(wanted, there) == meant


def test_what_the_contract_drops_and_the_table_lacks_is_told_and_so_is_what_it_does_not_name(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(dropped_columns=["Leak_Score", "Gone"]))
    dropped, unnamed = column_warnings(contract, [*COLUMNS, "leak score", "Extra"])
    assert "'Leak_Score' (did you mean 'leak score'?), 'Gone'" in dropped
    assert "does not name these columns" in unnamed
    assert "'leak score', 'Extra'" in unnamed


def test_many_columns_are_told_in_short(tiny_contract):
    columns = [f"made up {at}" for at in range(5_000)]
    (warning,) = column_warnings(tiny_contract(), [*COLUMNS, *columns])
    assert "and 4,980 more" in warning
    assert all(len(str(fault)) < 1_000 for fault in absent_columns(tiny_contract(), columns))


def test_nothing_is_said_where_every_column_is_known(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(dropped_columns=["Leak"], id_column="Id"))
    assert column_warnings(contract, [*COLUMNS, "Leak", "Id"]) == []


@pytest.mark.parametrize(
    ("name", "file"),
    [("credit_card_churn", "BankChurners.csv"), ("credit_card_churn_full", "BankChurners.csv")],
)
def test_a_shipped_contract_names_every_column_of_its_real_table(real_tables, name, file):
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    assert column_warnings(contract, list(read_table((real_tables / file).read_bytes()).cells.columns)) == []
