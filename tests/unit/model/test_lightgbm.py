"""LightGBM models: the same bits alone, among others and in training; a clear error without the library."""

from __future__ import annotations

import shutil
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.layout import PROJECT
from model_orchestration.job import families_of
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import SearchData
from server.scoring.model import ready_model
from tabular.contract.training import SPACES, Training
from tabular.encoding.row import matrix
from tabular.errors import BrokenBundle, InvalidSetting
from tabular.model.bundle import read_bundle
from tabular.model.lightgbm import LightGBMScorer
from tabular.quality.metrics import row_losses
from tabular.settings import Settings
from tests.conftest import random_records
from tests.optional import skip_without_lightgbm
from tests.unit.server.sources import SOURCES

skip_without_lightgbm()

OBJECTIVES = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}
CATEGORIES = 30


def bits(scores):
    return np.asarray(scores, dtype=np.float32).view(np.int32)


def fitted(task, categories="codes"):
    """A model of two numbers and a category, some of them missing, and the rows it was fitted and validated on."""
    draw = np.random.default_rng(0)
    rows, effect = 1_500, draw.normal(size=CATEGORIES)
    inputs = np.column_stack([draw.normal(50, 20, rows), draw.exponential(1e4, rows), draw.integers(0, 28, rows)])
    target = inputs[:, 0] / 20 + inputs[:, 1] / 1e4 + effect[inputs[:, 2].astype(int)] + draw.normal(0, 0.3, rows)
    inputs = inputs.astype(np.float32)
    inputs[draw.random(inputs.shape) < 0.1] = np.nan
    if task != "regression":
        target = np.digitize(target, [3.5] if task == "binary" else [2.5, 5.0]).astype(float)
    data = SearchData(
        inputs[:1_000], target[:1_000], inputs[1_000:], target[1_000:], (True, True, False), (False, False, True)
    )
    whole = {"learning_rate": 0.2, "num_leaves": 15, "min_data_in_leaf": 5} | dict.fromkeys(SPACES["lightgbm"], 0.7)
    params = {"family": "lightgbm", "categories": categories} | whole | {"learning_rate": 0.2, "num_leaves": 15}
    params |= {"min_data_in_leaf": 5, "min_gain_to_split": 0.001}
    return Fit(data, OBJECTIVES[task], 1, Training(max_rounds=60, patience_rounds=10))(0, params), data


@pytest.fixture(scope="module", params=[(task, how) for task in OBJECTIVES for how in ("codes", "native")])
def of_each_task(request):
    return (*fitted(*request.param), request.param[0])


def test_rows_score_alike_alone_together_and_in_training_and_the_loss_is_theirs(of_each_task):
    trial, data, task = of_each_task
    scorer = trial.scorer.compiled(data.validation)
    assert (bits(scorer.many(data.validation)) == bits(trial.validation_scores)).all()
    alone = [scorer.one(row) for row in data.validation[:100].astype(float).tolist()]
    assert (bits(alone) == bits(trial.validation_scores[:100])).all()
    loss = row_losses(task, data.validation_target, trial.validation_scores).mean()
    assert trial.loss == pytest.approx(np.sqrt(loss) if task == "regression" else loss, rel=1e-6)
    assert 0 < trial.rounds <= 60
    assert scorer.many(np.zeros((0, 3), dtype=np.float32)).shape == trial.validation_scores[:0].shape


def test_contributions_sum_to_the_margin(of_each_task):
    trial, data, _ = of_each_task
    scorer = trial.scorer
    explained = scorer.explain(data.train)
    margins = scorer._booster.predict(data.train, raw_score=True).reshape(len(data.train), -1)
    np.testing.assert_allclose(explained.base + explained.contributions.sum(axis=-1), margins, rtol=1e-9, atol=1e-9)


def test_the_same_proposal_gives_the_same_bytes_again():
    assert fitted("binary")[0].model == fitted("binary")[0].model


SCORER = fitted("binary", "native")[0].scorer
number = st.floats(width=32, allow_nan=True, allow_infinity=True)
code = st.one_of(st.just(np.nan), st.integers(0, 2 * CATEGORIES).map(float))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(number, number, code), min_size=1, max_size=5))
def test_any_row_scores_bit_identically_alone_and_together(rows):
    together = SCORER.many(np.array(rows, dtype=np.float32))
    assert (bits([SCORER.one(row) for row in rows]) == bits(together)).all()
    assert np.isfinite(together).all()


def test_a_matrix_of_another_width_is_rejected():
    with pytest.raises(ValueError, match="rows of 3 features are wanted, not a matrix of shape"):
        SCORER.many(np.zeros((2, 4), dtype=np.float32))


@pytest.mark.parametrize("model", [b"", b"no model", b"\xff\xfe", b"tree\nversion=v4\nnum_class=1\n"])
def test_what_is_no_model_is_a_value_error(model):
    with pytest.raises(ValueError, match=r"LightGBM|utf-8"):
        LightGBMScorer.from_bytes(model)


@pytest.fixture
def bundle(make_bundle, contract, tmp_path):
    return make_bundle(contract, tmp_path / "bundle", family="lightgbm")


def test_a_bundle_holds_the_model_as_text_and_scores_its_golden_records(bundle):
    assert (bundle.folder / "model.txt").read_text().startswith("tree\n")
    again = read_bundle(bundle.folder)
    again.verify()
    assert again.scorer.family == "lightgbm"


@pytest.mark.parametrize("score", SOURCES)
def test_every_source_scores_bit_identically(bundle, contract, score):
    records = random_records(contract, 60, seed=3)
    records[0] = dict.fromkeys(records[0])
    expected = bundle.predict(matrix([bundle.codec.parse(record) for record in records]))
    assert score(ready_model("run", bundle), records) == expected.tolist()
    assert len(set(expected.tolist())) > 10


def test_a_changed_leaf_is_found(bundle, tmp_path):
    shutil.copytree(bundle.folder, tmp_path / "copy")
    model = tmp_path / "copy" / "model.txt"
    model.write_text(model.read_text().replace("leaf_value=", "leaf_value=9", 1))
    with pytest.raises(BrokenBundle, match=r"model\.txt was changed"):
        read_bundle(tmp_path / "copy")


def test_a_process_that_reads_a_model_loads_no_library_of_training(bundle):
    code = f"""
import sys
from pathlib import Path
from tabular.model.bundle import read_bundle
read_bundle(Path({str(bundle.folder)!r})).verify()
print(*(name for name in ("lightgbm", "pandas", "sklearn", "matplotlib", "dask", "pyarrow") if name in sys.modules))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.split() == ["lightgbm"]


def test_without_the_library_a_bundle_says_what_to_install_and_so_does_a_training(bundle, contract, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(BrokenBundle, match=r"LightGBM is not installed .*setup\.sh --group lightgbm"):
        read_bundle(bundle.folder)
    with pytest.raises(InvalidSetting, match=r"lightgbm is among .+ LightGBM is not installed .*--group lightgbm"):
        families_of(msgspec.structs.replace(Settings(), families="xgboost,lightgbm"), contract)


def test_families_name_lightgbm_like_the_others(contract):
    chosen = families_of(msgspec.structs.replace(Settings(), families="lightgbm,xgboost"), contract)
    assert chosen == ("xgboost", "lightgbm")
    with pytest.raises(InvalidSetting, match="lightgbm: leave it out"):
        families_of(msgspec.structs.replace(Settings(), families="lightgbm", sweep_parallelism="rows"), contract)
