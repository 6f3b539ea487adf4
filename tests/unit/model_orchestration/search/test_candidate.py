"""The bundle of a trial: held-out reference, trained ranges, awkward golden records; for every task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model as MlflowModel

from model_orchestration.search.candidate import MAX_REFERENCE_ROWS, bundler, golden_records, profile
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.encoding.row import RowCodec
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET
from tabular.model.pyfunc import _load_pyfunc, describe


@pytest.fixture
def written(trained, tmp_path):
    return bundler(trained.contract, trained.parts, seed=1).write(trained.best, tmp_path, {"validation_loss": 0.3})


def test_a_trial_of_any_task_becomes_a_bundle_that_verifies(trained_for_task, tmp_path):
    trained = trained_for_task
    bundle = bundler(trained.contract, trained.parts, seed=1).write(trained.best, tmp_path, {"validation_loss": 1.0})
    bundle.verify()
    scores = bundle.predict(encode(trained.contract, trained.parts.test.features))
    np.testing.assert_array_equal(scores, trained.test_scores)
    assert len(bundle.reference()) == len(trained.parts.validation)


def test_the_reference_is_the_validation_part_with_its_targets_and_scores(written, trained):
    reference, validation = written.reference(), trained.parts.validation
    again = written.predict(encode(trained.contract, reference))
    np.testing.assert_array_equal(reference[REFERENCE_SCORE].to_numpy(np.float32), again)
    np.testing.assert_array_equal(reference[REFERENCE_TARGET], validation.target)
    assert public_records(trained.contract, reference) == public_records(trained.contract, validation.features)


def test_a_large_reference_is_sampled_by_seed(contract, parts_of):
    parts = parts_of(contract, rows=5 * MAX_REFERENCE_ROWS + 500)
    one, two = (bundler(contract, parts, seed=3) for _ in range(2))
    assert len(parts.validation) > MAX_REFERENCE_ROWS == len(one.reference)
    pd.testing.assert_frame_equal(one.reference, two.reference)
    np.testing.assert_array_equal(one.reference_rows, two.reference_rows)


def test_the_profile_is_of_the_training_rows(trained):
    found = profile(trained.contract, trained.parts.train)
    numeric = [feature.name for feature in trained.contract.features if feature.is_numeric]
    assert list(found) == numeric
    column = trained.parts.train.features[numeric[0]]
    assert found[numeric[0]] == (column.min(), column.max())


def test_golden_records_hold_every_awkward_kind(trained):
    records = golden_records(trained.contract, trained.parts.validation)
    rows = [RowCodec(trained.contract).parse(record) for record in records]
    assert any(all(value is None for value in row.values) for row in rows)
    assert any(row.unknown for row in rows)
    ordinals = [feature.name for feature in trained.contract.features if feature.kind == "ordinal"]
    assert any(isinstance(record[ordinals[0]], int) for record in records)
    ranges = profile(trained.contract, trained.parts.train)
    assert any(
        record[name] is not None and record[name] > high for record in records for name, (_, high) in ranges.items()
    )


@pytest.mark.parametrize(("ends", "whole"), [((0.5, 3.4), (1, 3)), ((-3.4, -0.5), (-3, -1))])
def test_golden_records_of_whole_numbers_keep_a_range_whose_ends_are_none(tiny_contract, ends, whole):
    contract = tiny_contract("binary", lambda file: file["features"][0].update(range=ends, example=whole[0]))
    records = golden_records(contract, clean(contract, read_table(make_table(contract, 50, 1)).cells))
    values = [RowCodec(contract).parse(record).values[0] for record in records]
    assert values[-2:] == list(whole)


def test_mlflow_s_own_reader_understands_the_signature_of_every_task(trained_for_task, tmp_path):
    contract = trained_for_task.contract
    bundler(contract, trained_for_task.parts, seed=1).write(trained_for_task.best, tmp_path, {"validation_loss": 1.0})
    model = MlflowModel.load(str(tmp_path))
    assert model.get_input_schema().input_names() == list(contract.feature_names)
    (output,) = model.get_output_schema().inputs
    assert output.shape == (-1, *trained_for_task.test_scores.shape[1:])
    assert model.load_input_example(str(tmp_path)).to_dict("records") == [contract.example]


def test_the_signature_keeps_names_that_yaml_would_read_otherwise(tiny_contract, tmp_path):
    odd = "it's: {a} #1 %"
    contract = tiny_contract("binary", lambda file: file["features"][0].update(name=odd))
    describe(tmp_path, contract)
    assert MlflowModel.load(str(tmp_path)).get_input_schema().input_names()[0] == odd


def test_mlflow_reads_public_and_canonical_frames_alike(written, trained):
    model = _load_pyfunc(str(written.folder))
    canonical = trained.parts.test.features.head(50)
    public = pd.DataFrame(public_records(trained.contract, canonical))
    expected = written.predict(encode(trained.contract, canonical))
    np.testing.assert_array_equal(model.predict(canonical), expected)
    np.testing.assert_array_equal(model.predict(public), expected)
