"""On the real tables: what the champion must reach. The figures to reach are those of the public models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from embedded.layout import PROJECT
from model_orchestration.data.split import Split, split
from model_orchestration.search.candidate import search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import SearchData, objective
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.table import clean, encode
from tabular.quality.metrics import metrics

TABLES = {
    "credit_card_churn": ("BankChurners.csv", 0.78, 0.37, 0.80),
    "credit_card_churn_full": ("BankChurners.csv", 0.985, 0.10, 0.990),
    "telecom_churn": ("telecom_churn.csv", 0.87, 0.22, 0.87),
    "census_income": ("census.csv", 0.93, 0.28, 0.925),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_champion_reaches_its_quality_on_the_split_and_over_folds(real_tables, run_sweep, name):
    file, min_auc, max_loss, min_folds_auc = TABLES[name]
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    table = clean(contract, read_table((real_tables / file).read_bytes()).cells)
    parts = split(table, 42)
    best = min(run_sweep(contract, parts, trials=16), key=lambda trial: trial.loss)
    scores = best.scorer.many(encode(contract, parts.test.features))
    target = parts.test.target.to_numpy()
    found = metrics("binary", target, scores)
    assert found["roc_auc"] >= min_auc
    assert found["log_loss"] <= max_loss
    left = (parts.test.raw_target == contract.target.positive).to_numpy()
    assert scores[left].mean() > scores[~left].mean()
    assert over_folds(contract, table, best.params) >= min_folds_auc


def test_the_shipped_contract_of_rides_reaches_its_quality_with_zones_as_categories(real_tables, run_sweep):
    contract = load_contract(PROJECT / "contracts" / "taxi_rides.toml")
    body = (real_tables / "green_tripdata.parquet").read_bytes()
    parts = split(clean(contract, read_table(body).cells), 42)
    best = min(run_sweep(contract, parts, trials=6), key=lambda trial: trial.loss)
    assert best.params["categories"] == "native"
    scores = best.scorer.many(encode(contract, parts.test.features))
    assert metrics("regression", parts.test.target.to_numpy(), scores)["rmse"] <= 4.90


def over_folds(contract, table, params) -> float:
    """The mean test ROC-AUC of the parameters over five folds; a quarter of each rest decides when to stop."""
    found = []
    for rest, test in StratifiedKFold(5, shuffle=True, random_state=42).split(table.features, table.target):
        inner = split(table.take(rest), 42)
        train = np.concatenate([part.features.index for part in (inner.train, inner.test)])
        parts = Split(table.take(train), inner.validation, table.take(test))
        data: SearchData = search_data(contract, parts)
        trial = Fit(data, objective(contract), 42)(0, params)
        scores = trial.scorer.many(encode(contract, parts.test.features))
        found.append(metrics("binary", parts.test.target.to_numpy(), scores)["roc_auc"])
    return float(np.mean(found))
