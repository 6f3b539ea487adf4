"""The model that benchmarks and the chaos run serve: depth 6, 150 rounds, 11 features, on synthetic rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from embedded.layout import PROJECT
from model_orchestration.search.candidate import golden_records, profile
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle, write_bundle
from tabular.model.xgboost import XGBoostScorer

RUN_ID = "b" * 32
CONTRACT = PROJECT / "contracts" / "credit_card_churn.toml"
TABLE_ROWS, ROUNDS, REFERENCE_ROWS = 8_000, 150, 5_000
PARAMS = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 1}
Record = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """The bundle and its booster; the rows it was trained on as request bodies, with their targets and scores."""

    bundle: Bundle
    booster: xgb.Booster
    records: list[Record]
    target: NDArray[Any]
    scores: list[float]


def make(
    state: Path, rows: int = TABLE_ROWS, rounds: int = ROUNDS, contract: Path = CONTRACT, run_id: str = RUN_ID
) -> Made:
    """Train, and write the bundle into `<state>/bundles/<run_id>`; the contract is of a binary target."""
    found = load_contract(contract)
    table = clean(found, read_table(make_table(found, rows, seed=1)).cells)
    target, features = table.target.to_numpy(), encode(found, table.features)
    booster = xgb.train(PARAMS, xgb.DMatrix(features, target), num_boost_round=rounds)
    scores = booster.inplace_predict(features, missing=np.nan).astype(np.float64)
    reference = table.features.assign(**{REFERENCE_TARGET: table.target, REFERENCE_SCORE: scores})[:REFERENCE_ROWS]
    golden, ranges = golden_records(found, table), profile(found, table)
    scorer = XGBoostScorer(booster)
    bundle = write_bundle(state / "bundles" / run_id, found, scorer, reference, ranges, golden, {"auc": 0.8})
    return Made(bundle, booster, public_records(found, table.features), target, scores.tolist())
