"""Linear models: what scikit-learn fitted is what is served, bit-identically for one row and for many."""

from __future__ import annotations

import json
import shutil

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import SearchData
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec, matrix
from tabular.errors import BrokenBundle
from tabular.model.bundle import read_bundle
from tabular.model.linear import CategoryInput, LinearModel, LinearScorer, NumberInput

OBJECTIVES = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}
TWO = LinearModel(
    "logistic",
    (0.25,),
    (NumberInput(10.0, 4.0, (0.7,), (-0.3,)), CategoryInput(((0.1,), None, (-0.4,)), (0.05,))),
)


def bits(scores):
    return np.asarray(scores, dtype=np.float32).view(np.int32)


def fitted(task, rows=600, penalty=1.0, *, seed=0):
    """A linear model of two numbers and a category, some of them missing, and the rows it was fitted on."""
    draw = np.random.default_rng(seed)
    inputs = np.column_stack([draw.normal(50, 20, rows), draw.exponential(1e4, rows), draw.integers(0, 5, rows)])
    target = inputs[:, 0] / 20 + inputs[:, 1] / 1e4 + np.array([0, 2, -1, 1, 0])[inputs[:, 2].astype(int)]
    target += draw.normal(size=rows)
    inputs = inputs.astype(np.float32)
    inputs[draw.random(inputs.shape) < 0.1] = np.nan
    if task != "regression":
        target = np.digitize(target, [4.0] if task == "binary" else [2.5, 5.0]).astype(float)
    data = SearchData(inputs, target, inputs[:100], target[:100], (True, True, False))
    trial = Fit(data, OBJECTIVES[task], 0)(0, {"family": "linear", "l2_penalty": penalty})
    return trial, inputs, target


@pytest.fixture(scope="module", params=OBJECTIVES)
def of_each_task(request):
    return fitted(request.param)


def test_a_row_alone_and_among_others_scores_bit_identically(of_each_task):
    trial, inputs, _ = of_each_task
    many = trial.scorer.many(inputs)
    single = [trial.scorer.one(row) for row in inputs.astype(float).tolist()]
    assert (bits(single) == bits(many)).all()
    assert (bits(trial.scorer.many(inputs[:7])) == bits(many[:7])).all()
    assert many.dtype == np.float32
    assert len(np.unique(many)) > 100


number = st.floats(width=32, allow_nan=True, allow_infinity=True)
code = st.sampled_from([0.0, 1.0, 2.0, 3.0, 9.0, -1.0, 0.5, float("nan"), float("inf")])
SCORERS = {task: fitted(task)[0].scorer for task in OBJECTIVES}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(OBJECTIVES)), st.lists(st.tuples(number, number, code), min_size=1, max_size=5))
def test_any_row_scores_bit_identically_and_to_a_finite_number(task, rows):
    scorer = SCORERS[task]
    many = scorer.many(np.array(rows, dtype=np.float32))
    assert (bits([scorer.one(row) for row in rows]) == bits(many)).all()
    assert np.isfinite(many).all()


def test_a_number_beyond_single_precision_counts_as_the_largest_of_it():
    scorer = LinearScorer(TWO)
    assert scorer.one([1e200, 0.0]) == scorer.one([float("inf"), 0.0]) == scorer.one([3.4e38, 0.0]) == 1.0
    first, second = TWO.inputs
    flat = msgspec.structs.replace(first, coefficients=(0.0,))
    scorer = LinearScorer(msgspec.structs.replace(TWO, inputs=(flat, second)))
    assert scorer.one([float("inf"), 0.0]) == scorer.one([1.0, 0.0])


def test_the_score_is_what_the_coefficients_say():
    expected = 1 / (1 + np.exp(-(0.25 + 0.7 * (12 - 10) / 4 - 0.4)))
    assert LinearScorer(TWO).one([12.0, 2.0]) == pytest.approx(expected, rel=1e-7)


def test_a_category_that_training_never_saw_counts_as_missing():
    scorer = LinearScorer(TWO)
    missing = scorer.one([12.0, float("nan")])
    assert scorer.one([12.0, 1.0]) == scorer.one([12.0, 3.0]) == scorer.one([12.0, 0.5]) == missing
    assert scorer.one([12.0, 0.0]) != missing


def test_on_numbers_it_is_scikit_learn_s_own_model():
    rows, target = load_iris(return_X_y=True)
    rows = rows.astype(np.float32)
    data = SearchData(rows, target.astype(float), rows, target.astype(float))
    trial = Fit(data, OBJECTIVES["multiclass"], 0)(0, {"family": "linear", "l2_penalty": 0.5})
    standardised = (rows.astype(float) - rows.astype(float).mean(axis=0)) / rows.astype(float).std(axis=0)
    theirs = LogisticRegression(C=2.0, max_iter=500).fit(standardised, target).predict_proba(standardised)
    np.testing.assert_allclose(trial.validation_scores, theirs, atol=2e-3)
    assert (trial.validation_scores.argmax(axis=1) == target).mean() > 0.95


def test_what_a_category_adds_is_its_difference_from_the_average_row():
    trial, inputs, _ = fitted("binary")
    model = trial.scorer._model
    codes, (category,) = inputs[:, 2], [one for one in model.inputs if isinstance(one, CategoryInput)]
    added = [category.missing[0] if np.isnan(code) else category.coefficients[int(code)][0] for code in codes]
    assert np.mean(added) == pytest.approx(0, abs=1e-9)
    assert np.std(added) > 0.3


def test_a_class_without_a_training_row_has_next_to_no_probability():
    _, inputs, target = fitted("multiclass")
    seen = target != 1
    data = SearchData(inputs[seen], target[seen], inputs, target, (True, True, False))
    scores = Fit(data, OBJECTIVES["multiclass"], 0)(0, {"family": "linear", "l2_penalty": 1.0}).validation_scores
    assert scores.shape == (len(inputs), 3)
    assert scores[:, 1].max() < 0.05
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_a_fit_is_the_same_each_time():
    assert fitted("multiclass")[0].model == fitted("multiclass")[0].model


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: b"{", "cannot be read"),
        (lambda _: b"[" * 100_000, "cannot be read"),
        (lambda model: json.dumps(model | {"code": "x"}).encode(), "unknown field"),
        (lambda model: json.dumps(model | {"link": "exp"}).encode(), "cannot be read"),
        (lambda model: json.dumps(model | {"intercepts": [0.1, 0.2]}).encode(), "cannot have 2 outputs"),
        (lambda model: json.dumps(model | {"link": "softmax"}).encode(), "cannot have 1 outputs"),
        (lambda model: json.dumps(model | {"inputs": [model["inputs"][0] | {"scale": 0}]}).encode(), "scale 0"),
        (lambda model: json.dumps(model | {"inputs": [model["inputs"][0] | {"missing": []}]}).encode(), "input 0"),
        (lambda model: json.dumps(model | {"intercepts": [1e999]}).encode(), "cannot be read"),
    ],
)
def test_what_is_no_linear_model_is_rejected_with_the_reason(change, why):
    body = change(json.loads(LinearScorer(TWO).to_bytes()))
    with pytest.raises(ValueError, match=why):
        LinearScorer.from_bytes(body)


def test_rows_of_another_width_are_rejected():
    with pytest.raises(ValueError, match="rows of 2 features are wanted"):
        LinearScorer(TWO).many(np.zeros((3, 3), dtype=np.float32))


@pytest.fixture(scope="module")
def linear_bundle(make_bundle, contract):
    return make_bundle(contract, family="linear")


def test_a_bundle_of_a_linear_model_serves_bit_identically(linear_bundle):
    bundle = linear_bundle
    assert (bundle.folder / "model.json").exists()
    assert not (bundle.folder / "model.ubj").exists()
    bundle.verify()
    model = ready_model("a" * 32, bundle)
    rows = [RowCodec(bundle.contract).parse(golden.record) for golden in bundle.golden]
    expected = bits(bundle.predict(matrix(rows)))
    assert (bits([model.one(row, "x", "api").score for row in rows]) == expected).all()
    assert (bits(model.many(columns_of(rows), ["x"] * len(rows), "api").scores) == expected).all()
    assert (bits([one.score for one in model.rows(rows, ["x"] * len(rows), "stream")]) == expected).all()


def test_a_bundle_whose_manifest_names_another_family_than_its_model_is_rejected(linear_bundle, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(linear_bundle.folder, copy)
    manifest = json.loads((copy / "manifest.json").read_bytes())
    (copy / "manifest.json").write_text(json.dumps(manifest | {"family": "xgboost"}))
    with pytest.raises(BrokenBundle, match=r"has no model\.ubj, the model of its family"):
        read_bundle(copy)


def test_a_bundle_with_two_models_is_rejected(linear_bundle, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(linear_bundle.folder, copy)
    (copy / "model.ubj").write_bytes(b"")
    with pytest.raises(BrokenBundle, match=r"one of the files .+ has model\.ubj and model\.json"):
        read_bundle(copy)
