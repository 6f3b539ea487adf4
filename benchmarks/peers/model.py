"""The model all contenders serve, and the requests they are asked: one folder, readable without this project.

<folder>/bundles/<RUN_ID>   the bundle our API serves
<folder>/model.ubj          the same booster; schema.json names its features with their levels, in order
<folder>/vectorized/        what the naive design serves: a booster of the same size over DictVectorizer's columns
<folder>/mlflow/            the same booster as MLflow's xgboost flavour keeps it
<folder>/<form>.ndjson      the bodies in one form, line by line; scores.json holds the score of each
"""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb

from benchmarks.harness import model as base
from benchmarks.harness.model import PARAMS, ROUNDS, Record
from benchmarks.harness.wrk import written
from tabular.encoding.row import Matrix, matrix

PAYLOADS = 300
SCORES = "scores.json"


def make(folder: Path) -> None:
    """Train on synthetic rows and write everything the contenders read."""
    made = base.make(folder)
    booster, contract = made.booster, made.bundle.contract
    booster.save_model(folder / "model.ubj")
    features = [{"name": one.name, "kind": one.kind, "levels": list(one.categories)} for one in contract.features]
    (folder / "schema.json").write_text(json.dumps(features))
    chosen = made.records[:PAYLOADS]
    rows = matrix([made.bundle.codec.parse(record) for record in chosen])
    _save_for_mlflow(booster, rows, list(contract.feature_names), folder / "mlflow")
    naive = _save_vectorized(folder / "vectorized", made.records, made.target)[:PAYLOADS]
    (folder / SCORES).write_text(json.dumps({"scores": made.scores[:PAYLOADS], "vectorized": naive}))
    _write_bodies(folder, chosen, rows)


def _write_bodies(folder: Path, records: Sequence[Record], rows: Matrix) -> None:
    # A peer whose own endpoint takes numbers alone is sent the codes: the encoding is done for it.
    names = list(records[0])
    codes = [[None if math.isnan(code) else code for code in row] for row in rows.tolist()]
    forms = {
        "record": records,
        "wrapped": [{"record": record} for record in records],
        "mlflow": [{"dataframe_split": {"columns": names, "data": [row]}} for row in codes],
        "v2": [
            {"inputs": [{"name": "rows", "shape": [1, len(row)], "datatype": "FP32", "data": row}]} for row in codes
        ],
    }
    for form, bodies in forms.items():
        written(folder / f"{form}.ndjson", bodies)


def _save_for_mlflow(booster: xgb.Booster, rows: Matrix, names: list[str], folder: Path) -> None:
    import mlflow

    # Without a signature a missing value reaches the model as an object, and is rejected.
    signature = mlflow.models.infer_signature(pd.DataFrame(rows.astype(float), columns=names))
    mlflow.xgboost.save_model(booster, str(folder), signature=signature, pip_requirements=[])


def _save_vectorized(folder: Path, records: Sequence[Record], target: Any) -> list[float]:
    from sklearn.feature_extraction import DictVectorizer

    known = [{name: value for name, value in record.items() if value is not None} for record in records]
    vectorizer = DictVectorizer(sparse=False)
    columns = xgb.DMatrix(vectorizer.fit_transform(known), target)
    booster = xgb.train(PARAMS, columns, num_boost_round=ROUNDS)
    folder.mkdir()
    (folder / "vectorizer.pickle").write_bytes(pickle.dumps(vectorizer))
    booster.save_model(folder / "model.ubj")
    return [float(score) for score in booster.predict(columns)]
