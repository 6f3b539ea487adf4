"""A stream in memory, for the tests of its reader."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from model_orchestration.search.candidate import with_scores
from tabular.model.bundle import REFERENCE_TARGET, write_bundle
from tabular.model.xgboost import XGBoostScorer
from tests.adapters.memory.shards import MemoryStream


@pytest.fixture
def stream() -> MemoryStream:
    """One shard with 10 records, split into two with 10 each, one of which was merged with a lone one."""
    made = MemoryStream()
    made.add("root")
    made.add("lone")
    made.put("root", 10)
    made.put("lone", 10)
    made.add("left", "root")
    made.add("right", "root")
    made.put("left", 10)
    made.put("right", 10)
    made.add("merged", "right", "lone")
    made.put("merged", 10)
    return made


@pytest.fixture(scope="session")
def multiclass_bundle(tiny_contract, tmp_path_factory):
    """A small real model of three classes, with a reference of 900 rows."""
    contract = tiny_contract("multiclass", lambda file: file["table"].update(slice_features=["class"]))
    draw = np.random.default_rng(0)
    rows = 1_800
    columns = [draw.integers(0, 120, rows), draw.integers(0, 2, rows), draw.integers(0, 3, rows)]
    inputs = np.column_stack([*columns, draw.uniform(-1.5, 1.5, rows)]).astype(np.float32)
    target = np.digitize(inputs[:, 0] / 60 + inputs[:, 3] + draw.normal(0, 0.4, rows), [0.4, 1.6])
    params = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_depth": 3}
    scorer = XGBoostScorer(xgb.train(params, xgb.DMatrix(inputs[:900], target[:900]), num_boost_round=20))
    held_out = inputs[900:]
    frame = pd.DataFrame(held_out.astype(np.float64), columns=list(contract.input_names))
    for name in ("class", "stars"):
        (feature,) = (one for one in contract.features if one.name == name)
        frame[name] = [feature.categories[int(code)] for code in frame[name]]
    frame[REFERENCE_TARGET] = target[900:].astype(np.float64)
    reference = with_scores(contract, frame, scorer.many(held_out))
    return write_bundle(tmp_path_factory.mktemp("multiclass"), contract, scorer, reference, {}, [contract.example], {})
