"""What holds promotion: a new version that is likelier a mistake than news. An ordinary one never is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from model_orchestration.data.checks import check
from model_orchestration.data.holds import holds
from tabular.contract.check_rules import CheckRules
from tabular.contract.validation import contract_faults
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, clean
from tests.unit.model_orchestration.planted_faults import ROWS, planted


def table_of(contract, body):
    return clean(contract, read_table(body, contract.source).cells)


def swapped(frame):
    """Every label is the other one."""
    labels = frame["Attrition_Flag"].unique()
    return frame.assign(Attrition_Flag=frame["Attrition_Flag"].map(dict(zip(labels, labels[::-1], strict=True))))


def in_thousands(frame):
    return frame.assign(Credit_Limit=(frame["Credit_Limit"].astype(float) / 1000).map(repr))


def twice_as_many_positives(frame):
    """A sixth of the others leave too."""
    flipped = frame.index < len(frame) // 5
    return frame.assign(Attrition_Flag=frame["Attrition_Flag"].where(~flipped, "Attrited Customer"))


MISTAKES = {
    "labels swapped": (swapped, "predicts the opposite here"),
    "a class far more frequent": (twice_as_many_positives, "the class 'Attrited Customer' was 16.0% of the rows"),
    "a file cut to a third": (
        lambda frame: frame[: ROWS // 3],
        f"has {ROWS // 3} rows, the last accepted one had {ROWS}",
    ),
    "a limit in thousands": (in_thousands, "credit_limit is 0.000992 times what it was"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_likely_mistake_holds_promotion_and_is_no_error(contract, body, accepted, mistake):
    change, told = MISTAKES[mistake]
    report = check(contract, planted(body, change), accepted)
    report.require()
    assert any(told in hold for hold in report.holds), report.holds
    assert set(report.holds) <= set(report.warnings)


def test_swapped_labels_of_equal_classes_are_seen_though_no_share_moves(tiny_contract):
    """Of classes of one size only what the features say gives the swap away."""

    def balanced(file):
        file["target"]["synthetic"] = {"shares": [0.5, 0.5]}
        file["features"][3]["synthetic"] = {"effect": 2.0}

    contract = tiny_contract("binary", balanced)
    before, now = (table_of(contract, make_table(contract, ROWS, seed)) for seed in (1, 2))
    assert holds(contract, now, before) == []
    other = CleanTable(now.features, 1 - now.target, now.raw_target.map({"yes": "no", "no": "yes"}))
    (told,) = holds(contract, other, before)
    assert told.endswith("were labels swapped?")


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_target_of_another_task_that_says_the_opposite_is_held(tiny_contract, task):
    def telling(file):
        file["features"][3]["synthetic"] = {"effect": 2.0}

    contract = tiny_contract(task, telling)
    before, now = (table_of(contract, make_table(contract, ROWS, seed)) for seed in (1, 2))
    assert holds(contract, now, before) == []
    turned = now.target.max() - now.target + now.target.min()
    if task == "regression":
        other = CleanTable(now.features, turned, turned)
    else:
        classes = contract.target.classes
        other = CleanTable(now.features, turned, turned.map(lambda code: classes[int(code)]))
    assert any("predicts the opposite here" in hold for hold in holds(contract, other, before))


def test_a_regression_target_in_another_unit_is_held(tiny_contract):
    contract = tiny_contract("regression")
    before, now = (table_of(contract, make_table(contract, ROWS, seed)) for seed in (1, 2))
    hours = CleanTable(now.features, now.target / 60, now.raw_target / 60)
    assert any("the target Y moved far" in hold for hold in holds(contract, hours, before))


def test_forty_ordinary_versions_of_three_tables_are_never_held(contract, tiny_contract):
    """Other rows of the same kind, half as many, or with a share of the positives that has moved by three points."""
    held = []
    for each in (contract, tiny_contract("regression"), tiny_contract("multiclass")):
        before = table_of(each, make_table(each, 2_000, seed=100))
        for seed in range(14):
            now = table_of(each, make_table(each, 1_000 + 150 * seed, seed=seed))
            held += holds(each, now, before)
    moved = table_of(contract, make_table(contract, 2_000, seed=7))
    few = np.flatnonzero(moved.target.to_numpy() == 0)[:60]
    target = moved.target.copy()
    target.iloc[few] = 1.0
    raw = moved.raw_target.copy()
    raw.iloc[few] = contract.target.positive
    held += holds(contract, CleanTable(moved.features, target, raw), table_of(contract, make_table(contract, 2_000, 8)))
    assert held == []


def test_the_limits_are_the_contract_s(contract, body, accepted):
    wide = msgspec.structs.replace(contract, checks=CheckRules(least_rows_share=0.2))
    third = planted(body, lambda frame: frame[: ROWS // 3])
    assert check(contract, third, accepted).holds
    assert not check(wide, third, accepted).holds


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (CheckRules(alpha=0), "checks.alpha: must be above 0 and below 1, not 0"),
        (CheckRules(max_class_share_change=2), "checks.max_class_share_change: must be from 0 to 1, not 2"),
        (CheckRules(least_rows_share=-1), "checks.least_rows_share: must be from 0 to 1, not -1"),
        (CheckRules(least_class_rows=-1), "checks.least_class_rows: must be 0 or more, not -1"),
    ],
)
def test_a_limit_that_is_none_is_a_fault_of_the_contract(contract, rules, told):
    assert told in contract_faults(msgspec.structs.replace(contract, checks=rules))
