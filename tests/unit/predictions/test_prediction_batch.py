"""A batch in columns is the same predictions as one by one: scored, counted, answered and written down."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec, matrix
from tabular.model.bundle import write_bundle
from tabular.model.xgboost import XGBoostScorer
from tabular.predictions.batch import PredictionBatch, numbered_replies
from tabular.predictions.prediction import Prediction, reply

OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
RECORDS = [
    {"age in years": at % 90, "class": "AB"[at % 2], "stars": 1 + at % 3, "weight": (at % 30) / 10 - 1.5}
    for at in range(60)
]
ODD = [
    {"age in years": None, "class": "Pink", "stars": "?", "weight": 0.5},
    {"age in years": 120, "class": "a", "stars": "2", "weight": None},
    {"age in years": 119, "class": "Blue", "stars": None, "weight": -1.5},
]


@pytest.fixture(params=list(OBJECTIVES))
def model(request, tiny_contract, tmp_path):
    contract = tiny_contract(request.param, lambda file: file["features"][2].update(categories=["1", "2", "3", "4"]))
    codec = RowCodec(contract)
    rows = matrix([codec.parse(record) for record in RECORDS])
    target = np.arange(len(rows)) % (2 if request.param == "binary" else 3)
    params = {"objective": OBJECTIVES[request.param], "nthread": 1}
    params |= {"num_class": 3} if request.param == "multiclass" else {}
    scorer = XGBoostScorer(xgb.train(params, xgb.DMatrix(rows, target), num_boost_round=5))
    profile = {"age in years": (0.0, 89.0), "weight": (-1.5, 1.4)}
    return ready_model("a" * 32, write_bundle(tmp_path, contract, scorer, pd.DataFrame(), profile, RECORDS[:3], {}))


@pytest.fixture
def rows(model):
    return [model.bundle.codec.parse(record) for record in [*RECORDS, *ODD]]


@pytest.fixture
def batch(model, rows):
    return model.many(columns_of(rows), [f"id-{at}" for at in range(len(rows))], "api")


def test_every_prediction_of_a_batch_is_the_one_made_alone(model, rows, batch):
    alone = [model.one(row, f"id-{at}", "api") for at, row in enumerate(rows)]
    assert list(batch) == [msgspec.structs.replace(one, made_at=batch.made_at) for one in alone]
    assert [each.out_of_range for each in batch][-2:] == [("age in years",), ("age in years",)]
    assert [each.unknown for each in batch][-3:] == [("class",), (), ("class",)]


def test_a_batch_survives_being_written_down(batch):
    again = msgspec.json.decode(msgspec.json.encode(batch), type=list[Prediction] | PredictionBatch)
    assert len(again) == len(batch)
    assert list(again) == list(batch)


def test_its_odd_values_are_those_of_its_predictions(batch):
    counted = {}
    for each in batch:
        for kind, names in (("missing", each.missing), ("unknown", each.unknown), ("out_of_range", each.out_of_range)):
            for name in names:
                counted[name, kind] = counted.get((name, kind), 0) + 1
    assert dict(batch.odd_values()) == counted
    assert counted["stars", "missing"] == 2
    assert counted["class", "unknown"] == 2


def test_its_answers_are_the_public_ones_with_the_position(model, batch):
    contract = model.bundle.contract
    positions = [3 * at for at in range(len(batch))]
    encoded = json.loads(msgspec.json.encode(numbered_replies(batch, positions, contract)))
    assert encoded == [
        {"row": at, **json.loads(msgspec.json.encode(reply(each, contract)))}
        for at, each in zip(positions, batch, strict=True)
    ]
    assert next(iter(encoded[0])) == "row"
