"""Categories as XGBoost's own: searched where the contract says so, and one score whichever way a row is scored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_orchestration.search.families.fit import Fit
from model_orchestration.search.space import space
from model_orchestration.search.sweep import Proposer
from model_orchestration.search.trial import SearchData
from tabular.contract.training import SPACES, Training
from tabular.quality.metrics import row_losses

CATEGORIES, UNSEEN = 40, 38  # no training row has the last two
OBJECTIVES = {
    "binary": {"objective": "binary:logistic", "eval_metric": "logloss"},
    "multiclass": {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": 3},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}


def inputs_of(draw, rows, categories):
    """A number, a category without an order, and an ordinal; a tenth of each is missing."""
    inputs = np.column_stack(
        [draw.normal(size=rows), draw.integers(0, categories, rows), draw.integers(0, 4, rows)]
    ).astype(np.float32)
    inputs[draw.random(inputs.shape) < 0.1] = np.nan
    return inputs


def data_of(task) -> SearchData:
    draw = np.random.default_rng(0)
    effect = draw.normal(size=CATEGORIES)  # the order of the codes says nothing about it
    parts = [inputs_of(draw, 3_000, UNSEEN), inputs_of(draw, 1_000, CATEGORIES)]
    targets = []
    for inputs in parts:
        target = np.nan_to_num(inputs[:, 0]) + effect[np.nan_to_num(inputs[:, 1]).astype(int)]
        target += draw.normal(0, 0.3, len(inputs))
        targets.append({"binary": target > 0, "multiclass": np.digitize(target, [-1, 1]), "regression": target}[task])
    train, validation = (target.astype(np.float64) for target in targets)
    return SearchData(parts[0], train, parts[1], validation, (True, False, False), (False, True, False))


def params_of(family, categories="native"):
    whole = dict.fromkeys(SPACES[family], 0.8) | {"max_depth": 5, "min_child_weight": 1.0, "learning_rate": 0.2}
    own = {name: whole[name] for name in SPACES[family]}
    return {"family": family, "categories": categories, **own}


def fitted(task, family, categories="native"):
    data = data_of(task)
    return data, Fit(data, OBJECTIVES[task], 1, Training(trees=20))(0, params_of(family, categories))


@pytest.mark.parametrize("family", ["xgboost", "forest"])
@pytest.mark.parametrize("task", OBJECTIVES)
def test_rows_score_alike_alone_together_and_in_training_and_their_contributions_sum_to_the_margin(task, family):
    data, trial = fitted(task, family)
    scorer = trial.scorer.compiled(data.validation[:20])
    assert {"c", "q"} <= set(scorer._booster.feature_types)
    assert (scorer._traversal is None) == (task == "multiclass")
    np.testing.assert_array_equal(scorer.many(data.validation), trial.validation_scores)
    alone = np.array([scorer.one(row) for row in data.validation[:300].tolist()], dtype=np.float32)
    np.testing.assert_array_equal(alone, trial.validation_scores[:300])
    loss = row_losses(task, data.validation_target, trial.validation_scores).mean()
    assert trial.loss == pytest.approx(np.sqrt(loss) if task == "regression" else loss, rel=1e-5)
    explained = scorer.explain(data.validation)
    margins = scorer._booster.inplace_predict(data.validation, predict_type="margin").reshape(len(data.validation), -1)
    np.testing.assert_allclose(explained.base + explained.contributions.sum(axis=-1), margins, rtol=1e-3, atol=1e-4)


def test_validation_prefers_categories_to_codes_whose_order_means_nothing():
    losses = [fitted("regression", "xgboost", categories)[1].loss for categories in ("native", "codes")]
    assert losses[0] < losses[1]


_, TRIAL = fitted("binary", "xgboost")
SCORER = TRIAL.scorer.compiled(np.zeros((0, 3), dtype=np.float32))
number = st.floats(width=32, allow_nan=True, allow_infinity=True)
code = st.one_of(st.just(np.nan), st.integers(0, 2 * CATEGORIES).map(float))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(number, code, code), min_size=1, max_size=5))
def test_any_row_scores_alike_alone_and_together(rows):
    together = SCORER.many(np.array(rows, dtype=np.float32))
    alone = np.array([SCORER.one(row) for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, TRIAL.scorer.many(np.array(rows, dtype=np.float32)))


def drawn(training, families=("xgboost",), *, has_nominal=True):
    proposer = Proposer(1, space(training, families, has_nominal=has_nominal))
    trials = []
    for _ in range(20):
        number, params = proposer.ask()
        proposer.tell(number, float(number))
        trials.append(params)
    return trials


def test_a_search_draws_both_ways_and_the_contract_may_fix_either():
    assert {params["categories"] for params in drawn(Training(categories="search"))} == {"codes", "native"}
    assert {params["categories"] for params in drawn(Training(categories="native"))} == {"native"}
    assert all("categories" not in params for params in drawn(Training()))
    assert all("categories" not in params for params in drawn(Training(categories="search"), has_nominal=False))


def test_only_families_of_trees_have_the_choice():
    trials = drawn(Training(categories="search"), ("xgboost", "forest", "linear"))
    has_choice = {
        family: {"categories" in params for params in trials if params["family"] == family}
        for family in ("xgboost", "forest", "linear")
    }
    assert has_choice == {"xgboost": {True}, "forest": {True}, "linear": {False}}
