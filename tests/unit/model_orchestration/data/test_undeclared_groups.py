"""A column that names customers with several rows each: held until the contract says what it is."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from model_orchestration.data.undeclared.groups import group_holds
from tabular.contract.loading import load_contract
from tabular.contract.split_rules import SplitRules
from tabular.data.reading import read_table
from tabular.data.rows.split_hints import maybe_groups
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tests.unit.model_orchestration.snapshots import EACH, snapshots_of

ROWS = 1_500


@pytest.fixture(scope="module", params=["credit_card_churn", "telecom_churn", "census_income"])
def honest(request):
    contract = load_contract(PROJECT / "contracts" / f"{request.param}.toml")
    contract = msgspec.structs.replace(contract, split=SplitRules())
    raw = read_table(make_table(contract, ROWS, seed=4), contract.source).cells
    return contract, raw, clean(contract, raw)


def holds_of(contract, table, cells) -> list[str]:
    """What holds of the columns of these cells, beside the rows of a clean table."""
    return group_holds(contract, table, maybe_groups(contract, cells.astype("str"), table.features.index))


def names(rows: int, form) -> pd.DataFrame:
    return pd.DataFrame({"Holder": [form(row // EACH) for row in range(rows)]})


@pytest.mark.parametrize("form", [str, "C-{:05d}".format], ids=["numbers", "texts"])
def test_a_customer_with_several_alike_rows_holds_until_the_contract_says_what_it_is(honest, form):
    contract, _, table = honest
    table = snapshots_of(contract, table)
    raw = names(len(table), form)
    [hold] = holds_of(contract, table, raw)
    assert hold.startswith("Holder names what several rows belong to: those of one Holder differ ")
    assert "split.group_column" in hold
    for rules in (SplitRules(group_column="Holder"), SplitRules(not_group_columns=("Holder",))):
        assert holds_of(msgspec.structs.replace(contract, split=rules), table, raw) == []


def test_a_column_by_which_rows_are_no_more_alike_is_not_held(honest):
    """Of 10 tables, each with a number that three rows have in common by chance."""
    contract, _, table = honest
    held = []
    for seed in range(10):
        numbers = np.random.default_rng(seed).permutation(len(table)) // EACH
        held += holds_of(contract, table, pd.DataFrame({"Branch": numbers.astype(str)}))
    assert held == []


def test_the_columns_of_an_honest_table_are_not_held(honest):
    contract, raw, table = honest
    assert holds_of(contract, table, raw) == []


def test_a_hold_is_among_the_warnings_of_the_checks(tiny_contract):
    contract = tiny_contract()
    raw = read_table(make_table(contract, 300, 0)).cells
    snapshots = raw.loc[np.repeat(np.arange(300), EACH)].reset_index(drop=True)
    snapshots["Weight"] = np.linspace(-1, 1, len(snapshots)).round(6)  # or rows would repeat one another exactly
    snapshots["Holder"] = np.repeat(np.arange(300), EACH)
    report = check(contract, snapshots.to_csv(index=False).encode())
    assert [hold for hold in report.holds if hold.startswith("Holder names what")]
    assert set(report.holds) <= set(report.warnings)


def test_an_id_that_stands_in_several_rows_is_an_error_with_the_remedy(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["table"].update(id_column="Holder"))
    raw = read_table(make_table(contract, 300, 0)).cells
    raw["Holder"] = np.arange(300) // EACH
    errors = check(contract, raw.to_csv(index=False).encode()).errors
    assert "split.group_column" in errors[0].allowed
