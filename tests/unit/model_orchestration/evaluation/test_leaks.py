"""Leaks feature by feature: each planted one is found and named, and no honest table is accused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.split import split
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.gate import evaluate
from model_orchestration.evaluation.leaks.checks import no_leak, no_leaking_feature, questions
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.evaluation.leaks.held_out import HeldOut
from model_orchestration.evaluation.leaks.near_copies import MAX_COLUMNS, near_copies
from model_orchestration.search import out_of_fold
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, clean
from tests.unit.model_orchestration.evaluation.planted_leaks import LEAKS, planted, victim

ROWS = 3_000
SHIPPED = sorted(path.name for path in (PROJECT / "contracts").glob("*.toml"))


@pytest.fixture(scope="module")
def table(contract):
    return clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)


def evidence_of(contract: Contract, table: CleanTable) -> Evidence:
    """What the checks for leaks need of a training: the parts, and scores that are nothing special."""
    parts = split(table, 7)
    scores = np.random.default_rng(0).random(len(parts.test))
    held_out = out_of_fold.HeldOut(parts.test, {out_of_fold.MODEL: scores}, None)
    return Evidence(contract, parts, scores, scores, held_out, [], find_leaks(contract, parts))


def vouching(contract: Contract, *names: str) -> Contract:
    return msgspec.structs.replace(contract, table=msgspec.structs.replace(contract.table, known_before_outcome=names))


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_rejected_by_name_until_the_contract_vouches_for_it(contract, table, leak):
    values = LEAKS[leak](table.target.to_numpy(), np.random.default_rng(5))
    evidence = evidence_of(contract, planted(contract, table, values))
    rejection = no_leaking_feature(evidence)
    name = victim(contract)
    what = f"whether {name} is missing alone" if leak == "missing unless positive" else f"{name} alone"
    assert rejection.why.startswith(f"{what} reaches ROC-AUC ")
    assert "95 % interval" in rejection.why
    assert f'known_before_outcome = ["{name}"]' in rejection.remedy
    assert "dropped_columns" in rejection.remedy
    named = replace(evidence, contract=vouching(contract, name))
    assert no_leaking_feature(named) is None
    assert not [question for question in questions(named) if name in question]


def test_a_leak_is_rejected_at_the_gate_whole(contract, table):
    values = LEAKS["copy with 1 % noise"](table.target.to_numpy(), np.random.default_rng(5))
    report = evaluate(evidence_of(contract, planted(contract, table, values)))
    assert not report.passed
    assert "no_leaking_feature" in {rejection.name for rejection in report.rejections}
    assert victim(contract) in {finding.feature for finding in report.leaks.leaks}


@pytest.fixture(scope="module")
def sum_of_parts(tiny_contract):
    """A regression whose target is the sum of a feature and of what no feature tells, at R² 0.8 alone."""
    contract = tiny_contract("regression")
    table = clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)
    draw = np.random.default_rng(6)
    part, rest = draw.gamma(2.0, 10.0, ROWS), draw.gamma(2.0, 5.0, ROWS)
    leaky = planted(contract, table, part)
    target = table.target * 0 + part + rest
    return contract, CleanTable(leaky.features, target, target)


def test_one_part_of_the_sum_that_is_predicted_is_rejected(sum_of_parts):
    contract, table = sum_of_parts
    why = no_leaking_feature(evidence_of(contract, table)).why
    assert why.startswith(f"without {victim(contract)} the model loses ")


def test_both_parts_of_an_exact_sum_are_rejected(tiny_contract):
    contract = tiny_contract("regression")
    table = clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)
    draw = np.random.default_rng(6)
    age, weight = (draw.uniform(0, 100, ROWS) for _ in range(2))
    target = table.target * 0 + age + weight
    features = table.features.assign(**{"age in years": age, "weight": weight})
    found = find_leaks(contract, split(CleanTable(features, target, target), 7)).leaks
    assert {finding.feature for finding in found} == {"age in years", "weight"}


def test_a_leak_of_a_multiclass_target_is_rejected(tiny_contract):
    contract = tiny_contract("multiclass")
    table = clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)
    values = table.target.to_numpy() + np.random.default_rng(6).normal(0, 0.25, ROWS)
    why = no_leaking_feature(evidence_of(contract, planted(contract, table, values))).why
    assert why.startswith(f"{victim(contract)} alone reaches ROC-AUC 0.9")


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_contract_is_accused_on_synthetic_data(name):
    contract = load_contract(PROJECT / "contracts" / name)
    assert_not_accused(contract, clean(contract, read_table(make_table(contract, ROWS, seed=9)).cells))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_contract_is_accused_on_its_real_table(real_tables: Path, name: str):
    contract = load_contract(PROJECT / "contracts" / name)
    file = real_tables / (contract.table.source_file or "")
    if not file.is_file():
        pytest.skip("its real table is not on this machine")
    assert_not_accused(contract, clean(contract, read_table(file.read_bytes()).cells))


def assert_not_accused(contract: Contract, table: CleanTable) -> None:
    assert no_leaking_feature(evidence_of(contract, table)) is None


def test_what_brings_much_of_the_skill_is_asked_about(contract, table):
    """A feature of ROC-AUC 0.85 passes, but its author is asked."""
    values = np.random.default_rng(5).normal(size=ROWS) + 1.4 * table.target.to_numpy()
    evidence = evidence_of(contract, planted(contract, table, values))
    assert no_leaking_feature(evidence) is None
    (question,) = (one for one in questions(evidence) if victim(contract) in one)
    assert question.startswith(f"is {victim(contract)} known before the outcome is? It has ")


def test_a_model_that_the_vouched_features_make_perfect_is_no_leak(contract, table):
    evidence = evidence_of(contract, planted(contract, table, table.target.to_numpy()))
    perfect = replace(evidence, test_scores=evidence.split.test.target.to_numpy())
    assert no_leak(perfect).why.startswith("ROC-AUC 1.00000 on test is above 0.999; alone the best features reach ")
    assert no_leak(replace(perfect, contract=vouching(contract, victim(contract)))) is None
    assert no_leak(replace(perfect, contract=vouching(contract, contract.feature_names[0]))) is not None


def test_a_contract_vouches_for_features_only(tiny_contract):
    from tabular.errors import InvalidContract

    def vouch(file):
        file["table"]["known_before_outcome"] = ["Weight"]

    with pytest.raises(InvalidContract, match=r"table\.known_before_outcome: Weight is not a feature"):
        tiny_contract("binary", vouch)


def test_the_interval_of_a_figure_holds_the_truth_as_often_as_it_says(contract):
    """Of 200 tables of 600 rows with a true ROC-AUC of 0.855 180 to 198 intervals hold it (190 expected)."""
    from scipy.stats import norm

    truth = float(norm.cdf(1.5 / np.sqrt(2)))
    held = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        target = (draw.random(600) < 0.3).astype(float)
        scores = draw.normal(size=600) + 1.5 * target
        figure = HeldOut(contract, np.empty((600, 0)), target, seed).headline_figure(scores)
        held += figure.low <= truth <= figure.high
    assert 180 <= held <= 198


def test_two_leaks_that_are_nearly_copies_do_not_hide_one_another(tiny_contract):
    """A fare and the total that it is most of, of a ride whose price is asked: each R² just below 0.9 alone."""
    contract = tiny_contract("regression")
    table = clean(contract, read_table(make_table(contract, ROWS, seed=4)).cells)
    draw = np.random.default_rng(6)
    fare = draw.gamma(2.0, 10.0, ROWS)
    target = table.target * 0 + fare + draw.normal(0, 5.2, ROWS)
    one = CleanTable(table.features.assign(weight=fare), target, target)
    both = CleanTable(one.features.assign(**{"age in years": fare + draw.normal(0, 0.4, ROWS)}), target, target)
    for copied in (one, both):
        found = find_leaks(contract, split(copied, 7))
        assert {finding.feature for finding in found.leaks} >= {"weight"}
        assert {finding.aspect for finding in found.leaks} == {"removal"}
    assert {finding.feature for finding in found.leaks} == {"weight", "age in years"}
    why = no_leaking_feature(replace(evidence_of(contract, both), leaks=found)).why
    assert "without weight and age in years, which order the rows as it does, the model loses " in why


def test_near_copies_are_those_of_one_order_in_whatever_unit_and_direction():
    draw = np.random.default_rng(0)
    first, second = draw.normal(size=(2, 500))
    gaps = np.where(np.arange(500) % 5, first, np.nan)
    columns = [first, np.exp(first), -2 * first, second, gaps, first + draw.normal(0, 0.5, 500), np.full(500, np.nan)]
    found = near_copies(np.column_stack(columns).astype(np.float32))
    assert found == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [3], [4], [5], [6]]


def test_a_wide_table_is_compared_within_bounds():
    wide = np.random.default_rng(0).normal(size=(40, MAX_COLUMNS + 5)).astype(np.float32)
    wide[:, -1] = wide[:, 0]
    found = near_copies(wide)
    assert len(found) == MAX_COLUMNS + 5
    assert found[-1] == [MAX_COLUMNS + 4]
