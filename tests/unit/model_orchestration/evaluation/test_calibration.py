"""What finds leaks, measured on honest tables, of which none is accused, and on planted faults, each in two tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from model_orchestration.data.holds import holds
from model_orchestration.data.split import split
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.hold_checks import enough_of_each_class
from model_orchestration.evaluation.leaks.checks import no_copied_rows, no_leaking_feature
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.evaluation.leaks.identifiers import no_telling_identifier
from model_orchestration.evaluation.leaks.near_duplicates import no_near_duplicates
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.data.prepared import prepare
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable
from tabular.drafting.draft import Request, draft_contract
from tests.unit.model_orchestration.evaluation.planted_leaks import LEAKS, planted, victim

ROWS, SEED = 1_500, 7
SHIPPED = sorted(path.stem for path in (PROJECT / "contracts").glob("*.toml"))
BUNDLED = {
    "iris": (datasets.load_iris, ("petal length (cm)", "petal width (cm)")),
    "wine": (datasets.load_wine, ()),
    "breast cancer": (
        datasets.load_breast_cancer,
        ("worst perimeter", "worst radius", "worst area", "worst concave points", "mean concave points"),
    ),
    "diabetes": (datasets.load_diabetes, ()),
}
"""scikit-learn's tables, and what their authors vouch for: a table so easy and a leak look alike in figures."""


def shipped(name: str) -> Contract:
    return load_contract(PROJECT / "contracts" / f"{name}.toml")


def synthetic(name: str, rows: int = ROWS) -> tuple[Contract, CleanTable]:
    contract = shipped(name)
    return contract, prepare(contract, make_table(contract, rows, seed=9)).required


def accusations(contract: Contract, table: CleanTable) -> list[str]:
    """The names of the gate's checks of the parts that reject."""
    parts = split(table, SEED, contract.split)
    contract = learnt(contract, parts.train)
    scores = np.zeros(len(parts.test))
    held_out = HeldOut(parts.test, {MODEL: scores}, None)
    evidence = Evidence(contract, parts, scores, scores, held_out, [], find_leaks(contract, parts, SEED))
    of_parts = (no_leaking_feature, no_telling_identifier, no_copied_rows, no_near_duplicates)
    return [found.why for each in of_parts if (found := each(evidence)) is not None]


def test_no_table_that_ships_is_accused_of_anything_on_its_real_rows(real_tables: Path):
    told = {}
    for contract in map(shipped, SHIPPED):
        file = real_tables / (contract.table.source_file or "none")
        if file.is_file():
            prepared = prepare(contract, file.read_bytes())
            told[contract.table.name] = [
                *accusations(contract, prepared.required),
                *check(contract, prepared).holds,
            ]
    assert len(told) >= 4
    assert not {name: found for name, found in told.items() if found}


def test_a_public_cleaning_of_a_table_is_not_accused_under_a_drafted_contract(real_tables: Path):
    file = real_tables / "seed003_credit_card_churn_clean.csv"
    if not file.is_file():
        pytest.skip("it is not on this machine")
    cells = read_table(file.read_bytes()).cells
    contract = draft_contract(cells, Request("cleaned", "active_customer", file.name)).contract
    prepared = prepare(contract, file.read_bytes())
    assert accusations(contract, prepared.required) == []
    assert check(contract, prepared).holds == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_no_table_that_ships_is_accused_of_anything_on_synthetic_rows(name):
    contract, table = synthetic(name)
    assert accusations(contract, table) == []
    assert check(contract, make_table(contract, ROWS, seed=9)).holds == ()


@pytest.mark.parametrize("name", BUNDLED)
def test_no_table_of_scikit_learn_is_accused_of_what_its_author_does_not_vouch_for(name):
    load, known = BUNDLED[name]
    frame = load(as_frame=True).frame
    if name != "diabetes":
        frame = frame.assign(target=frame["target"].map("class {}".format))
    body = io.BytesIO()
    frame.to_csv(body, index=False)
    cells = pd.read_csv(io.BytesIO(body.getvalue()), dtype=str)
    contract = draft_contract(cells, Request("bundled", "target", "bundled.csv", known_before_outcome=known)).contract
    prepared = prepare(contract, body.getvalue())
    assert accusations(contract, prepared.required) == []
    assert check(contract, prepared).holds == ()


@pytest.mark.parametrize("name", ["telecom_churn", "census_income"])
@pytest.mark.parametrize("leak", LEAKS)
def test_each_leak_of_a_feature_is_found_in_further_tables(name, leak):
    contract, table = synthetic(name)
    values = LEAKS[leak](table.target.to_numpy(), np.random.default_rng(5))
    parts = split(planted(contract, table, values), SEED)
    assert victim(contract) in {finding.feature for finding in find_leaks(contract, parts).leaks}


def test_709_twins_with_new_ids_are_found_in_a_further_table():
    contract, table = synthetic("telecom_churn", 10_000)
    rows = np.r_[np.arange(10_000), np.random.default_rng(0).choice(10_000, 709, replace=False)]
    twice = table.take(rows)
    twice = CleanTable(*(one.reset_index(drop=True) for one in (twice.features, twice.target, twice.raw_target)))
    twice = planted(contract, twice, 1.0 + np.random.default_rng(1).permutation(len(rows)))
    parts = split(twice, SEED)
    evidence = Evidence(
        contract, parts, np.zeros(1), np.zeros(1), HeldOut(parts.test, {}, None), [], find_leaks(contract, parts)
    )
    assert "copies of training rows" in no_copied_rows(evidence).why


def test_ten_positives_are_too_few_in_a_further_table():
    contract, table = synthetic("telecom_churn")
    rows = np.r_[np.flatnonzero(table.target == 0), np.flatnonzero(table.target == 1)[:10]]
    few = table.take(rows)
    parts = split(few, SEED)
    scores = np.zeros(len(few))
    evidence = Evidence(
        contract, parts, scores, scores, HeldOut(few, {MODEL: scores}, None, 5), [], find_leaks(contract, parts)
    )
    assert "only 10 of the class" in enough_of_each_class(evidence).why


def in_thousands(contract: Contract, table: CleanTable) -> CleanTable:
    return planted(contract, table, table.features[victim(contract)] / 1_000)


MISTAKES: dict[str, tuple[Callable[[Contract, CleanTable], CleanTable], str]] = {
    "a file cut to a third": (lambda _, table: table.take(np.arange(len(table) // 3)), "was the file cut?"),
    "a number in thousands": (in_thousands, "is it in another unit?"),
}


@pytest.mark.parametrize("name", ["telecom_churn", "credit_card_churn_full"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_likely_mistake_of_a_new_version_is_held_in_further_tables(name, mistake):
    contract, accepted = synthetic(name)
    change, told = MISTAKES[mistake]
    fresh = prepare(contract, make_table(contract, ROWS, seed=10)).required
    assert holds(contract, fresh, accepted) == []
    assert any(told in hold for hold in holds(contract, change(contract, fresh), accepted))


def test_iris_is_accused_of_its_petals_alone_until_its_author_vouches_for_them():
    frame = datasets.load_iris(as_frame=True).frame
    cells = frame.assign(target=frame["target"].map("class {}".format)).astype(str)
    contract = draft_contract(cells, Request("iris", "target", "iris.csv")).contract
    parts = split(prepare(contract, cells.to_csv(index=False).encode()).required, SEED)
    found = {finding.feature for finding in find_leaks(contract, parts).leaks}
    assert len(found) == 2
    assert all(name.startswith("petal") for name in found)
    vouched = msgspec.structs.replace(
        contract, table=msgspec.structs.replace(contract.table, known_before_outcome=tuple(sorted(found)))
    )
    assert accusations(vouched, prepare(vouched, cells.to_csv(index=False).encode()).required) == []
