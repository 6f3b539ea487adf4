"""Identifiers that tell the target: rows, or their numbers, are in the order of the outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.split import split
from model_orchestration.data.suspects import suspects
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.leaks.findings import LeakReport
from model_orchestration.evaluation.leaks.identifiers import no_telling_identifier, telling_identifiers
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, clean
from tests.unit.model_orchestration.evaluation.planted_leaks import planted, victim
from tests.unit.model_orchestration.evaluation.test_leaks import vouching

ROWS = 1_500
Planted = tuple[Contract, CleanTable]


@pytest.fixture(scope="module", params=["credit_card_churn", "telecom_churn", "taxi_rides"])
def honest(request) -> Planted:
    """A table whose rows are in no order."""
    contract = load_contract(PROJECT / "contracts" / f"{request.param}.toml")
    return contract, clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)


def unmeasured(contract: Contract, table: CleanTable) -> Evidence:
    """What the check needs: the parts."""
    parts = split(table, 7)
    scores = np.zeros(len(parts.test))
    held_out = HeldOut(parts.test, {MODEL: scores}, None)
    return Evidence(contract, parts, scores, scores, held_out, [], LeakReport("roc_auc", 0.5, 0.0, 0, ()))


def by_outcome(table: CleanTable) -> CleanTable:
    """The file sorted by the time of an outcome: rows of one kind are mostly, not all, together."""
    noise = np.random.default_rng(5).normal(size=len(table))
    target = table.target.rank().to_numpy() / len(table)
    return in_order(table, np.argsort(4 * target + noise))


def in_order(table: CleanTable, order) -> CleanTable:
    taken = table.take(order)
    return CleanTable(*(column.reset_index(drop=True) for column in (taken.features, taken.target, taken.raw_target)))


def counter(contract: Contract, table: CleanTable) -> Planted:
    """A number given out row by row."""
    table = by_outcome(table)
    return contract, planted(contract, table, 100_000.0 + np.arange(len(table)))


def counter_in_a_shuffled_file(contract: Contract, table: CleanTable) -> Planted:
    """The numbers were given out in the order of the outcome, and the file is in no order."""
    contract, numbered = counter(contract, table)
    return contract, in_order(numbered, np.random.default_rng(6).permutation(len(table)))


def customers_of_three_rows(contract: Contract, table: CleanTable) -> Planted:
    """Three rows have one number."""
    table = by_outcome(table)
    return contract, planted(contract, table, 7.0 * (np.arange(len(table)) // 3))


def category_in_file_order(contract: Contract, table: CleanTable) -> Planted:
    """An id as a category, whose categories the contract lists as they stand in the file."""
    table, name = by_outcome(table), victim(contract)
    ids = [f"id {number:05d}" for number in range(len(table))]
    features = tuple(
        msgspec.structs.replace(one, kind="category", range=None, example=None, categories=tuple(ids))
        if one.name == name
        else one
        for one in contract.features
    )
    table = replace(table, features=table.features.assign(**{name: pd.Series(ids, dtype="str")}))
    return msgspec.structs.replace(contract, features=features), table


PLANTS = {
    "order-carrying id": (counter, "numbers the rows"),
    "order-carrying id in a shuffled file": (counter_in_a_shuffled_file, "numbers the rows"),
    "ids of three rows in file order": (customers_of_three_rows, "follows the order of the rows in the file"),
    "id as category in file order": (category_in_file_order, "numbers the rows"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_an_identifier_in_the_order_of_the_outcome_is_rejected_until_the_contract_vouches_for_it(honest, plant):
    make, told = PLANTS[plant]
    name = victim(honest[0])
    contract, table = make(*honest)
    evidence = unmeasured(contract, table)
    rejection = no_telling_identifier(evidence)
    assert rejection.why.startswith(f"{name} {told} (")
    assert "95 % interval" in rejection.why
    assert "dropped_columns" in rejection.remedy
    assert "[split] time_column" in rejection.remedy
    assert no_telling_identifier(replace(evidence, contract=vouching(contract, name))) is None


def test_a_draft_leaves_such_an_identifier_out(honest):
    contract, table = counter(*honest)
    assert suspects(contract, table)[victim(contract)].startswith("it numbers the rows (")


@pytest.mark.parametrize("make", [by_outcome, lambda table: table], ids=["sorted by outcome", "in no order"])
def test_an_honest_table_is_not_accused_in_whatever_order_its_rows_are(honest, make: Callable):
    contract, table = honest
    assert telling_identifiers(contract, split(make(table), 7)) == []


def test_an_identifier_that_tells_nothing_is_not_accused(honest):
    """Of 3 x 12 tables with numbers drawn by chance."""
    contract, table = honest
    found = []
    for seed in range(12):
        numbers = np.random.default_rng(seed).permutation(len(table)) + 1.0
        found += telling_identifiers(contract, split(planted(contract, table, numbers), seed))
    assert found == []


def test_a_table_sorted_by_a_feature_of_few_values_is_not_accused(honest):
    contract, table = honest
    draw = np.random.default_rng(7)
    target = table.target.rank().to_numpy() / len(table)
    score = np.round(10 * (target + draw.normal(size=len(table))))
    table = planted(contract, table, score)
    table = in_order(table, np.argsort(score, kind="stable"))
    assert telling_identifiers(contract, split(table, 7)) == []


def test_an_identifier_that_rises_with_the_time_of_the_split_is_left_to_the_comparison_with_the_future(honest):
    contract, table = counter(*honest)
    moments = pd.Series(np.arange(len(table), dtype=float), table.features.index)
    parts = split(replace(table, times=moments), 7)
    assert telling_identifiers(contract, parts) == []
