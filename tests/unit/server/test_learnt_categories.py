"""A model whose categories were learnt scores alike wherever a row comes from, and counts what it never learnt."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from model_orchestration.data.split import split
from model_orchestration.search.candidate import bundler, make_fit
from server.api.batch import rows_of_array
from server.scoring.model import ready_model
from tabular.batches.arrow_codec import ArrowCodec
from tabular.batches.row_batches import RowBatch
from tabular.data.categories.learning import learnt
from tabular.data.input_frame import input_frame
from tabular.data.reading import read_table
from tabular.data.table import clean, encode, public_records
from tabular.predictions.window import UNKNOWN_CATEGORY, closed_categories, window_frame
from tabular.quality.drift import compare
from tests.unit.learnt_cities import cities_contract, cities_csv
from tests.unit.server.sources import SOURCES, alone

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CONTRACT = cities_contract()
PARAMS = {"learning_rate": 0.2, "max_depth": 4}


@pytest.fixture(scope="module", params=["codes", "native"])
def trained(request, tmp_path_factory):
    """A served model, and the test rows with the scores that training computes."""
    parts = split(clean(CONTRACT, read_table(cities_csv()).cells), 42)
    taught = learnt(CONTRACT, parts.train)
    trial = make_fit(taught, parts, 42)(0, PARAMS | {"categories": request.param})
    bundle = bundler(taught, parts, 42).write(trial, tmp_path_factory.mktemp("bundle"), {})
    return ready_model("r" * 32, bundle), parts.test, trial.scorer.many(encode(taught, parts.test.features))


@pytest.fixture(scope="module")
def records(trained):
    return public_records(CONTRACT, trained[1].features)


def in_a_file(model, records):
    columns = {name: pa.array([each[name] for each in records]) for name in CONTRACT.feature_names}
    batch = RowBatch(np.arange(1, len(records) + 1), columns, [])
    coded = ArrowCodec(model.bundle.contract, list(columns)).encode(batch)
    assert not coded.faults
    return model.many(coded.columns, [""] * len(records), "batch").scores


@pytest.mark.parametrize("score", [*SOURCES, in_a_file])
def test_every_source_scores_as_training_does(trained, records, score):
    model, _, scores = trained
    assert list(score(model, records)) == scores.tolist()


def test_the_bundle_holds_what_was_learnt_and_the_model_uses_it(trained, records):
    model = trained[0]
    categories = model.bundle.contract.features[1].categories
    assert len(categories) > 20
    assert len(set(alone(model, [records[0] | {"city": city} for city in categories]))) > 10
    shouted = [records[0] | {"city": city} for city in (categories[0], categories[0].upper())]
    assert len(set(alone(model, shouted))) == 1


def test_a_city_that_was_not_learnt_is_missing_to_the_model_and_is_told(trained, records):
    model = trained[0]
    unknown, missing = (
        model.one(model.bundle.codec.parse(records[0] | {"city": city}), "", "api") for city in ("Atlantis", None)
    )
    assert unknown.score == missing.score
    assert unknown.unknown == ("city",)
    assert unknown.row["city"] == "Atlantis"
    assert any("Atlantis" in warning for warning in unknown.warnings)
    rows = rows_of_array(model, json.dumps([records[0] | {"city": "Atlantis"}] * 2).encode(), 2).parts[0].columns
    assert model.many(rows, ["", ""], "api").unknown == {0: ("city",), 1: ("city",)}


def test_the_reference_and_a_window_count_rare_cities_alike(trained, records):
    model, test, _ = trained
    contract = model.bundle.contract
    made = [model.one(model.bundle.codec.parse(record), "", "api") for record in records]
    window, reference = window_frame(made, contract), model.bundle.reference()
    same = input_frame(contract, test.features).reset_index(drop=True)
    pd.testing.assert_frame_equal(window[list(contract.input_names)], same, check_dtype=False)
    is_unknown = closed_categories(contract.inputs[1], reference["city"]) == UNKNOWN_CATEGORY
    assert 0 < is_unknown.mean() < 0.2
    drift = compare(reference, window, contract)
    assert not drift.dataset_drift
    assert drift.columns[1].unknown > 0
