"""Derived columns are computed alike in training, at both endpoints and for MLflow's tools: every score is the same."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.split import split
from model_orchestration.search.candidate import bundler, search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import objective
from server.api.batch import rows_of_array
from server.scoring.model import ready_model
from tabular.contract.loading import load_contract
from tabular.data.input_frame import input_frame
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.predictions.window import window_frame
from tabular.quality.drift import compare
from tests.unit.server.sources import SOURCES, alone

CONTRACT = load_contract(PROJECT / "contracts" / "taxi_rides.toml")
PARAMS = {"learning_rate": 0.2, "max_depth": 4}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle as a sweep writes it, with test rows, their matrix and their scores as training computes them."""
    parts = split(clean(CONTRACT, read_table(make_table(CONTRACT, 3_000, seed=1)).cells), 42)
    trial = Fit(search_data(CONTRACT, parts), objective(CONTRACT), 42)(0, PARAMS)
    bundle = bundler(CONTRACT, parts, 42).write(trial, tmp_path_factory.mktemp("bundle"), {})
    rows = encode(CONTRACT, parts.test.features)
    return ready_model("r" * 32, bundle), parts.test, rows, trial.scorer.many(rows)


@pytest.fixture(scope="module")
def records(trained):
    return public_records(CONTRACT, trained[1].features)


@pytest.mark.parametrize("score", SOURCES)
def test_every_source_scores_as_training_does(trained, records, score):
    model, _, _, scores = trained
    assert score(model, records) == scores.tolist()


def test_the_derived_columns_matter_to_the_model(trained, records):
    model = trained[0]
    hours = [f"2022-01-14T{hour:02}:00" for hour in range(24)]
    assert any(len(set(alone(model, [one | {"pickup_datetime": at} for at in hours]))) > 1 for one in records[:50])
    assert model.bundle.contract.input_names[-2:] == ("pickup_hour", "pickup_weekday")


def test_what_is_stored_is_what_was_sent_and_drift_compares_what_the_model_sees(trained, records):
    model, test, _, _ = trained
    made = [model.one(model.bundle.codec.parse(record), "", "api") for record in records]
    assert made[0].row == records[0]
    window, reference = window_frame(made, CONTRACT), model.bundle.reference()
    pd.testing.assert_frame_equal(
        window[list(CONTRACT.input_names)],
        input_frame(CONTRACT, test.features).reset_index(drop=True),
        check_dtype=False,
    )
    assert set(CONTRACT.input_names) < set(reference.columns)
    drift = compare(reference, window, CONTRACT)
    assert [column.name for column in drift.columns] == ["trip_distance", "pickup_zone", "dropoff_zone"]
    assert not drift.dataset_drift


def test_a_missing_date_leaves_its_parts_missing_and_is_counted(trained, records):
    model = trained[0]
    rows = [records[0] | {"pickup_datetime": None}, records[1]]
    made = model.one(model.bundle.codec.parse(rows[0]), "", "api")
    assert made.missing == ("pickup_datetime",)
    columns = rows_of_array(model, json.dumps(rows).encode(), 2).parts[0].columns
    assert model.many(columns, ["", ""], "api").missing == {"pickup_datetime": 1}
    assert np.isnan(columns.matrix[0, -2:]).all()


def test_a_derived_value_that_training_never_saw_is_told(trained, records):
    bundle = trained[0].bundle
    assert bundle.profile["pickup_hour"] == (0, 23)
    model = ready_model("r" * 32, replace(bundle, profile=bundle.profile | {"pickup_hour": (0, 11)}))
    rows = [records[0] | {"pickup_datetime": f"2022-01-14T{hour}:30"} for hour in (11, 12)]
    told = "pickup_hour: 12.0 is outside the range the model was trained on, 0 to 11"
    alone = [model.one(model.bundle.codec.parse(row), "", "api") for row in rows]
    assert [made.out_of_range for made in alone] == [(), ("pickup_hour",)]
    assert alone[1].warnings == (told,)
    columns = rows_of_array(model, json.dumps(rows).encode(), 2).parts[0].columns
    assert model.many(columns, ["", ""], "api").warnings == {1: (told,)}
