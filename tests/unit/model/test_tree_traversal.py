"""The compiled tree traversal is bit-identical to XGBoost, or leaves the scoring to it."""

from __future__ import annotations

import ctypes
import json

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.layout import PROJECT
from server.scoring.model import Model, ready_model
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.table import clean, encode, public_records
from tabular.encoding.columns import columns_of
from tabular.encoding.row import Row, RowCodec, matrix
from tabular.model import tree_traversal
from tabular.model.bundle import write_bundle
from tabular.model.tree_traversal import TreeTraversal, Unsupported
from tabular.model.xgboost import XGBoostScorer

LANES = 16  # of native/tree_traversal.c: so many rows are traversed together, the rest one by one
REAL = [
    ("credit_card_churn", "BankChurners.csv"),
    ("credit_card_churn_full", "BankChurners.csv"),
    ("telecom_churn", "telecom_churn.csv"),
]


def bits(scores):
    return np.asarray(scores, dtype=np.float32).view(np.int32)


def trained(objective="binary:logistic", rows=3_000, features=7, rounds=40, **params):
    draw = np.random.default_rng(1)
    inputs = draw.normal(size=(rows, features)).astype(np.float32)
    inputs[draw.random(inputs.shape) < 0.1] = np.nan
    target = np.nansum(inputs, axis=1) + draw.normal(size=rows)
    if objective == "binary:logistic":
        target = target > 0.7
    elif objective.startswith("multi"):
        target = np.digitize(target, [-1, 1])
    params = {"objective": objective, "nthread": 1, **params}
    return xgb.train(params, xgb.DMatrix(inputs, target), num_boost_round=rounds), inputs


def compiled(booster) -> TreeTraversal:
    return TreeTraversal(bytes(booster.save_raw("json")))


def is_compiled(scorer) -> bool:
    return scorer._traversal is not None


def assert_identical(booster, rows):
    traversal, theirs = compiled(booster), booster.inplace_predict(rows, missing=np.nan, validate_features=False)
    assert (bits(traversal.many(rows)) == bits(theirs)).all()
    assert (bits([traversal.one(row) for row in rows.tolist()]) == bits(theirs)).all()


@pytest.mark.parametrize(
    ("objective", "params"),
    [
        ("binary:logistic", {}),
        ("binary:logistic", {"max_depth": 1}),
        ("binary:logistic", {"max_depth": 10, "min_child_weight": 0, "eta": 1.0}),
        ("binary:logistic", {"grow_policy": "lossguide", "max_leaves": 40, "max_depth": 0}),
        ("binary:logistic", {"tree_method": "exact", "gamma": 1.0}),
        ("binary:logistic", {"num_parallel_tree": 3, "subsample": 0.5}),
        ("binary:logistic", {"base_score": 0.999, "scale_pos_weight": 50}),
        ("reg:squarederror", {}),
        ("reg:squarederror", {"base_score": -1e6}),
    ],
)
def test_every_kind_of_tree_scores_bit_identically(objective, params):
    booster, inputs = trained(objective, **params)
    assert_identical(booster, inputs)


def test_extreme_margins_meet_the_same_ends_of_the_link():
    booster, inputs = trained(eta=1.0, reg_lambda=0.0, max_depth=8, rounds=200, base_score=0.5, min_child_weight=0)
    scores = compiled(booster).many(inputs)
    assert scores.min() < 1e-6
    assert scores.max() > 1 - 1e-6
    assert_identical(booster, inputs)


BOOSTER, INPUTS = trained(rows=500, features=4)
number = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(number, number, number, number), min_size=1, max_size=5))
def test_any_row_scores_bit_identically(rows):
    assert_identical(BOOSTER, np.array(rows, dtype=np.float32))


@pytest.mark.parametrize(
    ("objective", "params", "why"),
    [
        ("multi:softprob", {"num_class": 3}, "multi:softprob"),
        ("binary:logistic", {"booster": "dart"}, "dart"),
        ("binary:logistic", {"booster": "gblinear"}, "gblinear"),
        ("reg:logistic", {"base_score": 0.5}, "reg:logistic"),
    ],
)
def test_a_model_of_another_kind_is_left_to_xgboost(objective, params, why, caplog):
    if objective == "reg:logistic":
        booster = xgb.train({"objective": objective}, xgb.DMatrix(INPUTS, INPUTS[:, 0] > 0), num_boost_round=2)
    else:
        booster, _ = trained(objective, features=4, rounds=2, **params)
    assert not is_compiled(XGBoostScorer(booster).compiled(INPUTS))
    assert why in caplog.text


def by_category(seed, objective="binary:logistic", categories=100, **params):
    """A model of two categories and a number, and rows of it, of which a tenth are missing."""
    draw = np.random.default_rng(seed)
    codes = [draw.integers(0, categories, 1_500), draw.integers(0, 3, 1_500)]
    inputs = np.column_stack([*codes, draw.normal(size=1_500)]).astype(np.float32)
    target = draw.normal(size=categories)[codes[0]] + codes[1] % 2 + inputs[:, 2]
    inputs[draw.random(inputs.shape) < 0.1] = np.nan
    data = xgb.DMatrix(
        inputs,
        target > 0.5 if objective == "binary:logistic" else target,
        feature_types=["c", "c", "q"],
        enable_categorical=True,
    )
    rounds = 1 if params.get("num_parallel_tree", 1) > 1 else 20
    return xgb.train({"objective": objective, "nthread": 1, "seed": seed, **params}, data, rounds), inputs


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:squarederror"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_cat_to_onehot": 1},
        {"max_cat_to_onehot": 1_000},
        {"max_depth": 10, "min_child_weight": 0},
        {"num_parallel_tree": 30, "subsample": 0.6, "colsample_bynode": 0.5, "learning_rate": 1.0, "max_depth": 8},
    ],
)
@pytest.mark.parametrize("categories", [3, 33, 300])
def test_splits_by_category_score_bit_identically(objective, params, categories):
    booster, inputs = by_category(categories, objective, categories, **params)
    assert any(any(tree["split_type"]) for tree in trees_of(booster))
    assert_identical(booster, inputs)
    assert is_compiled(XGBoostScorer(booster).compiled(inputs[:20]))


def trees_of(booster):
    return json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]


FORESTS = [
    by_category(seed, categories=40, num_parallel_tree=10, subsample=0.6, learning_rate=1.0)[0] for seed in range(5)
]
category = st.one_of(st.integers(0, 200).map(float), number)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORESTS), st.lists(st.tuples(category, category, number), min_size=1, max_size=20))
def test_any_row_scores_bit_identically_in_a_random_forest_with_splits_by_category(forest, rows):
    assert_identical(forest, np.array(rows, dtype=np.float32))


def test_the_probes_find_a_wrong_set_of_categories():
    booster, _ = by_category(1)
    traversal = compiled(booster)
    traversal._words[traversal._starts[traversal._starts >= 0] + 1] ^= np.uint32(2)
    probes = traversal.probes()
    theirs = booster.inplace_predict(probes, missing=np.nan, validate_features=False)
    assert (bits(traversal.many(probes)) != bits(theirs)).any()


@pytest.mark.parametrize("codes", [[-1], [200_000]])
def test_a_set_with_what_is_no_category_is_rejected(codes):
    tree = tree_traversal._Tree([1, -1, -1], [2, -1, -1], [0] * 3, [0.0] * 3, [0] * 3, [1, 0, 0], codes, [0], [0], [1])
    with pytest.raises(Unsupported, match="category"):
        tree_traversal._category_sets([tree])


def test_a_split_by_category_without_its_set_is_rejected():
    tree = tree_traversal._Tree([1, -1, -1], [2, -1, -1], [0] * 3, [0.0] * 3, [0] * 3, [1, 0, 0])
    with pytest.raises(Unsupported, match="laid out"):
        tree_traversal._category_sets([tree])


def test_a_library_that_differs_by_one_bit_is_not_trusted(caplog, monkeypatch):
    real = tree_traversal._library()
    off = real._replace(logit=lambda base: float(np.nextafter(np.float32(real.logit(base)), 9)))
    monkeypatch.setattr(tree_traversal, "_library", lambda: off)
    assert not is_compiled(XGBoostScorer(BOOSTER).compiled(INPUTS))
    assert "differs from XGBoost on" in caplog.text


def test_without_the_library_xgboost_scores_and_the_log_says_so(monkeypatch, caplog, bundle, tmp_path):
    tree_traversal._library.cache_clear()
    monkeypatch.setattr(tree_traversal, "LIBRARY", tmp_path / "nothing.so")
    try:
        model = ready_model("a" * 32, bundle)
    finally:
        tree_traversal._library.cache_clear()
    assert not is_compiled(model.scorer)
    assert "nothing.so cannot be used" in caplog.text
    row = bundle.codec.parse(bundle.contract.example)
    assert model.one(row, "x", "api").score == float(bundle.predict(matrix([row]))[0])


def test_rows_of_another_width_are_left_to_xgboost_and_none_are_no_hindrance(caplog):
    assert not is_compiled(XGBoostScorer(BOOSTER).compiled(INPUTS[:, :3]))
    assert "the contract 3" in caplog.text
    assert is_compiled(XGBoostScorer(BOOSTER).compiled(matrix([])))


@pytest.mark.parametrize(("left", "feature"), [(0, 0), (1, 9)])
def test_trees_that_lead_in_a_circle_or_out_of_the_row_are_rejected(left, feature):
    tree = tree_traversal._Tree([left, -1, -1], [2, -1, -1], [feature] * 3, [0.0] * 3, [0] * 3, [0] * 3)
    with pytest.raises(Unsupported, match="laid out"):
        tree_traversal._laid_out([tree], 4)


def test_a_number_beyond_single_precision_is_infinite_as_for_xgboost(tiny_contract, tmp_path):
    contract = tiny_contract(change=lambda file: file["features"][3].update(range=[0, 300]))
    codec = RowCodec(contract)
    records = [{"age in years": at % 90, "class": "A", "stars": 1, "weight": float(at)} for at in range(300)]
    rows = matrix([codec.parse(record) for record in records])
    booster = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(rows, rows[:, 3] > 150), num_boost_round=5)
    bundle = write_bundle(tmp_path, contract, XGBoostScorer(booster), pd.DataFrame(), {}, records[:3], {})
    model = ready_model("a" * 32, bundle)
    assert is_compiled(model.scorer)
    row = codec.parse(records[0])
    row = Row(row.values, (*row.codes[:3], 1e200))  # no contract's range reaches so far
    theirs = float(bundle.predict(matrix([row]))[0])
    assert model.one(row, "x", "api").score == theirs
    assert model.many(columns_of([row]), ["x"], "api").scores == [theirs]


@pytest.mark.parametrize(("name", "file"), REAL)
def test_every_row_of_the_real_tables_scores_the_same_alone_in_batches_and_in_xgboost(
    real_tables, tmp_path, name, file
):
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    table = clean(contract, read_table((real_tables / file).read_bytes()).cells)
    rows = encode(contract, table.features)
    data = xgb.DMatrix(rows, table.target.to_numpy())
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 6, "nthread": 2}, data, num_boost_round=150)
    records = public_records(contract, table.features)
    bundle = write_bundle(tmp_path, contract, XGBoostScorer(booster), table.features, {}, records[:20], {})
    model = ready_model("a" * 32, bundle)
    assert isinstance(model, Model)
    assert is_compiled(model.scorer)
    theirs = booster.inplace_predict(rows, missing=np.nan)
    parsed = [bundle.codec.parse(record) for record in records]
    single = [model.one(row, "x", "api").score for row in parsed]
    assert (bits(single) == bits(theirs)).all()
    for size in (LANES - 1, LANES, LANES + 1, 1_000, len(parsed)):
        parts = [columns_of(parsed[start : start + size]) for start in range(0, len(parsed), size)]
        batched = [score for part in parts for score in model.many(part, ["x"] * len(part), "stream").scores]
        assert (bits(batched) == bits(theirs)).all()


def test_the_library_has_the_version_the_code_asks_for():
    assert ctypes.PyDLL(str(tree_traversal.LIBRARY)).tree_traversal_version() == tree_traversal.VERSION


@pytest.mark.parametrize("rows", [1, 2, 300])
def test_a_row_outside_the_training_range_is_flagged_in_a_batch_as_alone(bundle, contract, rows):
    model = ready_model("a" * 32, bundle)
    inside = bundle.codec.parse(bundle.golden[0].record)
    outside = bundle.codec.parse(contract.example | {"credit_limit": 1_000_000, "customer_age": None})
    for parsed, flagged in (([inside] * rows, []), ([inside] * (rows - 1) + [outside], [rows - 1])):
        found = list(model.many(columns_of(parsed), ["x"] * rows, "api"))
        assert [at for at, each in enumerate(found) if each.out_of_range] == flagged
        alone = [model.one(row, "x", "api") for row in parsed[-2:]]
        assert [each.warnings for each in found[-2:]] == [each.warnings for each in alone]
