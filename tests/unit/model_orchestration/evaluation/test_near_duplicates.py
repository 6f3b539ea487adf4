"""Snapshots of one customer in training and test: found without any id; rows of different customers are not accused."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.split import split
from model_orchestration.evaluation.leaks.near_duplicates import near_duplicates, no_near_duplicates
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tests.unit.model_orchestration.evaluation.planted_leaks import planted, victim
from tests.unit.model_orchestration.evaluation.test_identifiers import unmeasured
from tests.unit.model_orchestration.snapshots import EACH, snapshots_of

ROWS = 3_000


@pytest.fixture(scope="module", params=["credit_card_churn_full", "telecom_churn", "census_income"])
def honest(request):
    contract = load_contract(PROJECT / "contracts" / f"{request.param}.toml")
    return contract, clean(contract, read_table(make_table(contract, ROWS, seed=4), contract.source).cells)


def test_snapshots_of_one_customer_are_rejected_with_the_remedy(honest):
    contract, table = honest
    rejection = no_near_duplicates(unmeasured(contract, snapshots_of(contract, table)))
    assert "of 300 test rows" in rejection.why
    assert "several snapshots of one customer" in rejection.why
    assert "[split] group_column" in rejection.remedy


def test_snapshots_are_found_with_new_ids(honest):
    contract, table = honest
    table = planted(contract, snapshots_of(contract, table), np.arange(ROWS // EACH * EACH) + 1.0)
    assert no_near_duplicates(unmeasured(contract, table)) is not None


def test_with_a_group_column_there_are_none(honest):
    contract, table = honest
    table = snapshots_of(contract, table)
    customer = pd.Series(np.arange(len(table)) // EACH, table.features.index).astype(str)
    assert near_duplicates(contract, split(replace(table, groups=customer), 7)).rows == ()


def test_customers_that_come_back_in_the_future_are_no_fault(honest):
    contract, table = honest
    table = snapshots_of(contract, table)
    moments = pd.Series(np.random.default_rng(0).random(len(table)), table.features.index)
    evidence = unmeasured(contract, table)
    assert no_near_duplicates(replace(evidence, split=split(replace(table, times=moments), 7))) is None


def test_a_higher_limit_of_the_contract_accepts_them(honest):
    contract, table = honest
    evidence = unmeasured(contract, snapshots_of(contract, table))
    lenient = msgspec.structs.replace(contract, checks=msgspec.structs.replace(contract.checks, max_copied_share=1.0))
    assert no_near_duplicates(replace(evidence, contract=lenient)) is None


def test_different_customers_are_not_accused(honest):
    """Five splits of each: of 300 test rows five would have to be found."""
    contract, table = honest
    found = [len(near_duplicates(contract, split(table, seed), seed).rows) for seed in range(5)]
    assert max(found) <= 2


def test_a_near_copy_of_a_column_counts_once(honest):
    """Were it counted twice, whoever has the same value would seem twice as near."""
    contract, table = honest
    name = next(one.name for one in contract.features if one.is_numeric and one.name != victim(contract))
    doubled = planted(contract, table, 2.0 * table.features[name].to_numpy(dtype=float))
    assert len(near_duplicates(contract, split(doubled, 7)).rows) <= 2


def test_too_few_rows_are_not_judged(honest):
    contract, table = honest
    assert near_duplicates(contract, split(table.take(np.arange(600)), 7)) is None
