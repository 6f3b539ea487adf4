"""Cross-validation of small tables: what is held out was not learnt, and the figures are honest."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.folds import folds
from model_orchestration.data.split import joined, split
from model_orchestration.search.candidate import bundler, make_fit, scores_by_params
from model_orchestration.search.out_of_fold import cross_validated, is_small
from model_orchestration.search.recalibration import out_of_fold_calibration
from tabular.contract.split_rules import SplitRules
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode
from tabular.model.bundle import REFERENCE_SCORE
from tabular.quality.calibration.choice import chosen
from tabular.quality.metrics import metrics
from tabular.quality.two_sample import of_numbers

PARAMS = {"max_depth": 6, "learning_rate": 0.2}


def small(contract, rows=300, seed=1):
    return clean(contract, read_table(make_table(contract, rows, seed)).cells)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_row_is_held_out_once_a_repeat_and_never_fitted_on(tiny_contract, task):
    whole, rules = small(tiny_contract(task)), SplitRules(folds=5, repeats=2)
    drawn = list(folds(whole, rules, 42))
    assert len(drawn) == 10
    for repeat in (drawn[:5], drawn[5:]):
        assert np.sort(np.concatenate([fold.held_out for fold in repeat])).tolist() == list(range(300))
    for fold in drawn:
        assert sorted([*fold.held_out, *fold.train, *fold.validation]) == list(range(300))
        assert [len(fold.train), len(fold.validation)] == pytest.approx([180, 60], abs=1)
    assert {*drawn[0].held_out} != {*drawn[5].held_out}


def test_no_group_is_on_two_sides_of_a_fold(tiny_contract):
    whole = small(tiny_contract())
    whole = replace(whole, groups=pd.Series([f"g{row // 4}" for row in range(300)], whole.features.index))
    for fold in folds(whole, SplitRules(), 42):
        parts = fold.parts(whole)
        sides = [set(part.groups) for part in (parts.train, parts.validation, parts.test)]
        assert sum(map(len, sides)) == 75


def test_the_parts_joined_are_the_table(tiny_contract):
    whole = small(tiny_contract())
    again = joined(split(whole, 42))
    pd.testing.assert_frame_equal(again.features, whole.features)
    pd.testing.assert_series_equal(again.target, whole.target)


def test_a_model_of_pure_chance_is_told_as_such(tiny_contract):
    """The target has nothing to do with the features: a score on rows that were fitted would be far above .5."""
    contract = tiny_contract()
    whole = small(contract, 400)
    shuffled = whole.target.sample(frac=1, random_state=0).set_axis(whole.target.index)
    whole = replace(whole, target=shuffled)
    found = cross_validated(
        whole, SplitRules(), 42, [scores_by_params("model", contract, whole, PARAMS, 42)], workers=2
    )
    assert metrics("binary", found.target, found.scores["model"])["roc_auc"] == pytest.approx(0.5, abs=0.1)
    assert len(found.rows) == 800
    assert len(np.unique(found.units)) == 400


def test_the_same_seed_gives_the_same_scores_on_any_number_of_workers(tiny_contract):
    contract = tiny_contract()
    whole = small(contract)
    one, two = (
        cross_validated(whole, SplitRules(), 42, [scores_by_params("m", contract, whole, PARAMS, 42)], workers)
        for workers in (1, 2)
    )
    np.testing.assert_array_equal(one.scores["m"], two.scores["m"])


@pytest.mark.parametrize(
    ("rows", "rules", "small_table"),
    [
        (1_900, SplitRules(cross_validate_below_class_rows=0), True),
        (2_100, SplitRules(cross_validate_below_class_rows=0), False),
        (
            2_100,
            SplitRules(cross_validate_below_class_rows=211),
            True,
        ),  # at most half of 420 test rows are of one class
        (2_100, SplitRules(cross_validate_below_rows=0, cross_validate_below_class_rows=0), False),
        (500, SplitRules(time_column="Day"), False),
    ],
)
def test_a_table_is_small_by_its_rows_or_its_rarest_class(tiny_contract, rows, rules, small_table):
    assert is_small(rules, split(small(tiny_contract(), rows), 42)) == small_table


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_reference_of_a_small_table_is_all_of_it_scored_where_it_was_not_fitted_on(
    tiny_contract, run_sweep, task, tmp_path
):
    contract = tiny_contract(task)
    parts = split(small(contract, 150), 42)
    [trial] = run_sweep(contract, parts, trials=1)
    bundle = bundler(contract, parts, seed=42).write(trial, tmp_path, {"validation_loss": 1.0})
    reference = bundle.reference()
    assert len(reference) == 150
    assert reference[REFERENCE_SCORE].notna().to_numpy().nonzero()[0].tolist() == sorted(
        [*parts.validation.features.index, *parts.test.features.index]
    )
    own = bundle.predict(encode(contract, joined(parts).features))
    own = own if own.ndim == 1 else own.max(axis=1)
    scored = reference[REFERENCE_SCORE].notna()
    np.testing.assert_array_equal(reference[REFERENCE_SCORE][scored], own[scored].astype(np.float64))


def test_a_small_table_is_calibrated_by_rows_scored_out_of_fold_and_its_test_rows_teach_nothing(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["features"][0].update(synthetic={"effect": 3}))
    parts = split(small(contract, 1_000), 42)
    calibration = out_of_fold_calibration(contract, parts, PARAMS, 42, workers=2)
    assert calibration.method != "none"  # trees as deep as these are too sure of themselves
    reversed_test = replace(parts.test, target=1 - parts.test.target)
    assert out_of_fold_calibration(contract, replace(parts, test=reversed_test), PARAMS, 42, workers=1) == calibration
    known = joined(replace(parts, test=parts.test.take(np.array([], dtype=np.int64))))
    rules = msgspec.structs.replace(contract.split, repeats=1)
    scores = cross_validated(known, rules, 42, [scores_by_params("ours", contract, known, PARAMS, 42)])
    assert calibration == chosen("binary", scores.target, scores.scores["ours"], 42)
    as_served = msgspec.structs.replace(contract, training=msgspec.structs.replace(contract.training, calibrated=True))
    assert out_of_fold_calibration(as_served, parts, PARAMS, 42, workers=1) == calibration


def test_only_small_tables_with_rows_of_each_class_are_calibrated_out_of_fold(tiny_contract):
    contract = tiny_contract("binary")
    parts = split(small(contract, 1_000), 42)
    large = msgspec.structs.replace(
        contract, split=SplitRules(cross_validate_below_rows=0, cross_validate_below_class_rows=0)
    )
    assert out_of_fold_calibration(large, parts, PARAMS, 42, workers=1) is None
    assert out_of_fold_calibration(contract, split(small(contract, 40), 42), PARAMS, 42, workers=1) is None
    regression = tiny_contract("regression")
    assert out_of_fold_calibration(regression, split(small(regression), 42), PARAMS, 42, workers=1) is None


def test_rows_held_out_are_scored_calibrated_where_scores_are_served_so(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["features"][0].update(synthetic={"effect": 3}))
    as_served = msgspec.structs.replace(contract, training=msgspec.structs.replace(contract.training, calibrated=True))
    whole, methods = small(contract, 1_000), set()
    for fold in folds(whole, SplitRules(repeats=1), 42):
        own, served = (scores_by_params("ours", one, whole, PARAMS, 42)(fold)["ours"] for one in (contract, as_served))
        parts = fold.parts(whole)
        trial = make_fit(contract, parts, 42)(0, PARAMS)
        calibration = chosen("binary", parts.validation.target.to_numpy(), trial.validation_scores, 42)
        np.testing.assert_array_equal(served, calibration.many(own).astype(np.float32))
        methods.add(calibration.method)
    assert methods & {"platt", "isotonic"}


def test_new_rows_of_a_small_table_s_kind_are_no_drift_of_the_score(contract, run_sweep):
    """12 tables of 150 rows: scores by models of the folds are of another distribution in each of them."""
    everything = small(contract, 6_000)
    alarms = 0
    for seed in range(12):
        rows = np.random.default_rng(seed).permutation(len(everything))
        parts = split(everything.take(rows[:150]), seed)
        [trial] = run_sweep(contract, parts, trials=1, seed=seed)
        reference = bundler(contract, parts, seed).reference_scores(trial)
        fresh = trial.scorer.many(encode(contract, everything.take(rows[150:450]).features))
        alarms += of_numbers(pd.Series(reference[~np.isnan(reference)]), pd.Series(fresh)).p_value < 0.01
    assert alarms <= 1
