"""Made-up tables: the contract's schema, its marginals, and a target that trees can learn but not know."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode

ROWS = 10_000


@pytest.fixture(scope="module", params=["credit_card_churn", "credit_card_churn_full", "telecom_churn"])
def made(request):
    contract = load_contract(PROJECT / "contracts" / f"{request.param}.toml")
    raw = read_table(make_table(contract, ROWS, seed=0)).cells
    return contract, raw, clean(contract, raw)


def halves(contract, table):
    features, target = encode(contract, table.features), table.target.to_numpy()
    return features[: ROWS // 2], target[: ROWS // 2], features[ROWS // 2 :], target[ROWS // 2 :]


def auc(model, contract, table):
    features, target, other_features, other_target = halves(contract, table)
    return roc_auc_score(other_target, model.fit(features, target).predict_proba(other_features)[:, 1])


def test_whole_numbers_stay_within_a_range_whose_ends_are_none(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["features"][0].update(range=[0.3, 3.4], example=2))
    ages = clean(contract, read_table(make_table(contract, 500, 1)).cells).features["age in years"]
    assert sorted(ages.unique()) == [1, 2, 3]


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(contract):
    assert make_table(contract, 500, 7) == make_table(contract, 500, 7)
    assert make_table(contract, 500, 7) != make_table(contract, 500, 8)


def test_the_columns_are_the_source_s_without_the_dropped_ones(made):
    contract, raw, _ = made
    wanted = {contract.target.column, *(feature.column for feature in contract.features)}
    wanted |= {contract.table.id_column} - {None}
    assert set(raw.columns) == wanted
    if contract.table.id_column:
        assert raw[contract.table.id_column].is_unique


def test_the_marginals_are_those_the_contract_asks_for(made):
    contract, _, table = made
    for feature in contract.features:
        column, wanted = table.features[feature.name], feature.synthetic
        assert column.isna().mean() == pytest.approx(wanted.missing_share, abs=0.015), feature.name
        if wanted.quantiles:
            middle = wanted.quantiles[len(wanted.quantiles) // 2]
            spread = wanted.quantiles[-1] - wanted.quantiles[0]
            assert column.median() == pytest.approx(middle, abs=max(1, 0.05 * spread)), feature.name
            assert column.min() >= wanted.quantiles[0]
            assert column.max() <= wanted.quantiles[-1]
        for category, share in zip(feature.categories, wanted.shares, strict=False):
            assert (column.dropna() == category).mean() == pytest.approx(share, abs=0.02), (feature.name, category)


def test_the_target_has_its_shares(made):
    contract, _, table = made
    for label, share in zip(contract.target.classes, contract.target.synthetic.shares, strict=True):
        assert (table.raw_target == label).mean() == pytest.approx(share, abs=0.001)


def test_trees_learn_the_target_better_than_a_line_and_nothing_leaks_it(made):
    contract, _, table = made
    trees = auc(xgb.XGBClassifier(nthread=1, n_estimators=60, max_depth=4, learning_rate=0.1), contract, table)
    line = auc(make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), contract, table)
    assert 0.75 < trees < 0.98
    assert trees > line + 0.02


def test_an_effect_pulls_in_its_own_direction(contract):
    table = clean(contract, read_table(make_table(contract, ROWS, seed=0)).cells)
    balance, left = table.features["total_revolving_bal"], table.target == 1
    assert balance[left].mean() < balance[~left].mean()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_gets_a_table_even_without_synthetic_entries(tiny_contract, task):
    contract = tiny_contract(task)
    table = clean(contract, read_table(make_table(contract, 2_000, seed=1)).cells)
    assert table.features["age in years"].between(0, 120).all()
    assert table.features["class"].value_counts(normalize=True)["A"] == pytest.approx(0.5, abs=0.05)
    if task == "multiclass":
        assert table.raw_target.value_counts(normalize=True)["mid"] == pytest.approx(0.5, abs=0.001)
    elif task == "regression":
        assert np.quantile(table.target, [0, 1 / 3, 2 / 3, 1]).tolist() == pytest.approx([10, 20, 40, 100], abs=0.2)
    else:
        assert table.target.mean() == 0.5


def test_the_positive_class_gets_its_share_wherever_it_stands(tiny_contract):
    def turned(file):
        file["target"] = {
            "column": "Y",
            "classes": ["yes", "no"],
            "positive": "yes",
            "synthetic": {"shares": [0.1, 0.9]},
        }
        file["features"][0]["synthetic"] = {"effect": 3.0}

    contract = tiny_contract(change=turned)
    table = clean(contract, read_table(make_table(contract, 2_000, seed=1)).cells)
    assert table.target.mean() == pytest.approx(0.1)
    assert table.features["age in years"][table.target == 1].mean() > table.features["age in years"].mean()
