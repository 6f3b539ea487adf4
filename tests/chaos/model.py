"""A small real bundle, and the records that the load sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xgboost as xgb

from model_orchestration.search.candidate import golden_records, profile
from tabular.contract.types import Contract
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records, read_csv
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, write_bundle
from tabular.model.xgboost import XGBoostScorer

ROWS, ROUNDS, SENT = 2_000, 40, 500


def make_bundle(contract: Contract, folder: Path) -> None:
    """Train on made-up rows and write the bundle into the folder."""
    table = clean(contract, read_csv(make_table(contract, ROWS, seed=1)))
    features = encode(contract, table.features)
    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 1}
    booster = xgb.train(params, xgb.DMatrix(features, table.target.to_numpy()), num_boost_round=ROUNDS)
    reference = table.features.assign(**{REFERENCE_TARGET: table.target, REFERENCE_SCORE: 0.5})
    golden = golden_records(contract, table)
    folder.mkdir(parents=True, exist_ok=True)
    ranges = profile(contract, table)
    write_bundle(folder, contract, XGBoostScorer(booster), reference, ranges, golden, {"auc": 0.8})


def records(contract: Contract) -> list[dict[str, Any]]:
    """Request bodies, decoded."""
    table = clean(contract, read_csv(make_table(contract, SENT, seed=2)))
    return [dict(record) for record in public_records(contract, table.features)]
