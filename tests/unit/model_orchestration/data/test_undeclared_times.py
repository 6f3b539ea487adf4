"""A time that the contract does not name: pointed out, and holding promotion where later rows are scored far worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.checks import check
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table

ROWS, PERIODS = 3_000, 60


@pytest.fixture(scope="module")
def raw(tiny_contract):
    """Rows with a column of dates, Day, which no contract below names unless it says so."""
    contract = tiny_contract("binary", lambda file: file.update(split={"time_column": "Day"}))
    return read_table(make_table(contract, ROWS, 0)).cells


def checked(contract, raw):
    return check(contract, raw.to_csv(index=False).encode())


def told(contract, raw) -> list[str]:
    return [text for text in checked(contract, raw).warnings if "split.time_column" in text]


def test_dates_and_an_order_that_the_contract_does_not_name_are_pointed_out(tiny_contract, raw):
    raw = raw.head(300)
    named = tiny_contract("binary", lambda file: file.update(split={"time_column": "Day"}))
    assert told(named, raw) == []
    [warning] = told(tiny_contract(), raw)
    assert warning.startswith("Day holds dates. If the model is to score rows that come later")
    rising = raw.drop(columns="Day").assign(Opened=np.cumsum(np.random.default_rng(0).integers(0, 3, 300)))
    [warning] = told(tiny_contract(), rising)
    assert warning.startswith("the rows lie in the order of Opened. ")
    assert told(tiny_contract(), rising.assign(Opened=range(300))) == [], "a row number says nothing"
    assert told(tiny_contract(), rising.assign(Opened=rising["Opened"].sample(frac=1).to_numpy())) == []


def of_periods(raw, task):
    """In each period another outcome is frequent, and a feature says which it is: nothing of it comes again."""
    draw = np.random.default_rng(0)
    period = np.arange(ROWS) * PERIODS // ROWS
    level = draw.random(PERIODS)[period]
    target = level + draw.normal(0, 0.2, ROWS) if task == "regression" else draw.random(ROWS) < level
    labels = target if task == "regression" else np.where(target, "yes", "no")
    return raw.assign(Weight=draw.permutation(PERIODS)[period] / PERIODS, Y=labels)


def rising_numbers(raw):
    steps = np.random.default_rng(1).integers(0, 3, ROWS)
    return raw.drop(columns="Day").assign(Opened=np.cumsum(steps))


ORDERS = {"dates": (lambda raw: raw, "Day"), "numbers that rise with the file": (rising_numbers, "Opened")}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_model_that_only_knows_its_own_time_is_held_with_both_figures(tiny_contract, raw, task, order):
    change, column = ORDERS[order]
    table = change(of_periods(raw, task))
    [hold] = checked(tiny_contract(task), table).holds
    assert hold.startswith(f"rows in the order of {column}: {'r2' if task == 'regression' else 'roc_auc'} 0.")
    assert " on random rows and " in hold
    assert "by more than split.max_forward_gap = 0.05" in hold
    assert "split.time_column" in hold
    for rules in ({"not_time_columns": [column]}, {"time_column": column}):
        contract = tiny_contract(task, lambda file, rules=rules: file.update(split=rules))
        assert checked(contract, table).holds == ()


@pytest.mark.parametrize("order", ORDERS)
def test_rows_whose_outcome_does_not_depend_on_time_are_not_held(tiny_contract, raw, order):
    """Of 8 tables, each with a feature that tells much and the same at all times."""
    change, _ = ORDERS[order]
    held = []
    for seed in range(8):
        draw = np.random.default_rng(seed)
        weight = draw.uniform(-1, 1, ROWS)
        is_yes = draw.random(ROWS) < 1 / (1 + np.exp(-3 * weight))
        table = change(raw.assign(Weight=weight, Y=np.where(is_yes, "yes", "no")))
        held += checked(tiny_contract(), table).holds
    assert held == []


def test_dates_by_which_the_last_rows_lack_a_class_are_held_and_a_file_sorted_by_class_is_not(tiny_contract, raw):
    by_class = raw.assign(Y=np.sort(raw["Y"].to_numpy()))
    [hold] = checked(tiny_contract(), by_class).holds
    assert hold.startswith("Day holds dates, and the earliest or the latest rows by it lack a class. ")
    assert checked(tiny_contract(), rising_numbers(by_class)).holds == ()


def test_two_columns_of_one_order_are_compared_once(tiny_contract, raw):
    table = of_periods(raw, "binary")
    later = (pd.to_datetime(table["Day"]) + pd.Timedelta(days=2)).dt.strftime("%Y-%m-%d")
    assert len(checked(tiny_contract(), table.assign(Until=later)).holds) == 1


def test_a_table_of_a_rare_class_is_compared_by_all_of_its_rows(tiny_contract):
    """40,000 rows, of which a sample has few of the rare class: all 200 of it are looked at."""
    draw = np.random.default_rng(3)
    contract = tiny_contract("binary", lambda file: file.update(split={"time_column": "Day"}))
    table = read_table(make_table(contract, 40_000, 0)).cells
    is_yes = np.zeros(40_000, dtype=bool)
    is_yes[draw.choice(40_000, 200, replace=False)] = True
    table = table.assign(Y=np.where(is_yes, "yes", "no"))
    assert checked(tiny_contract(), table).holds == ()
