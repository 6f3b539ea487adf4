"""The model that is served and streamed here: depth 6, 150 rounds, 11 features, on made-up rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xgboost as xgb
from numpy.typing import NDArray

from embedded.layout import PROJECT
from model_orchestration.search.candidate import golden_records, profile
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records, read_csv
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle, write_bundle
from tabular.model.xgboost import XGBoostScorer

RUN_ID = "b" * 32
CONTRACT = PROJECT / "contracts" / "credit_card_churn.toml"
TABLE_ROWS, ROUNDS = 8_000, 150
PARAMS = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 1}
Record = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """The bundle, its booster as it was trained, and the rows it was trained on as request bodies."""

    bundle: Bundle
    booster: xgb.Booster
    records: list[Record]
    target: NDArray[Any]


def make(folder: Path) -> Made:
    """Train, and write the bundle into `<folder>/bundles/<RUN_ID>`."""
    contract = load_contract(CONTRACT)
    table = clean(contract, read_csv(make_table(contract, TABLE_ROWS, seed=1)))
    target = table.target.to_numpy()
    booster = xgb.train(PARAMS, xgb.DMatrix(encode(contract, table.features), target), num_boost_round=ROUNDS)
    reference = table.features.assign(**{REFERENCE_TARGET: table.target, REFERENCE_SCORE: 0.5})
    golden, ranges = golden_records(contract, table), profile(contract, table)
    scorer = XGBoostScorer(booster)
    bundle = write_bundle(folder / "bundles" / RUN_ID, contract, scorer, reference, ranges, golden, {"auc": 0.8})
    return Made(bundle, booster, public_records(contract, table.features), target)
