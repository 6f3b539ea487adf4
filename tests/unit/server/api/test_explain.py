"""`?explain=1` says what each feature contributed, and the contributions sum to the margin of the score."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import SearchData, objective
from server.api.access.request_id import request_id
from server.api.compression import IDENTITY, Body
from server.api.handlers import Handlers
from server.api.metrics import ApiMetrics
from server.api.request import asks_to_explain
from server.connections.errors import HttpError
from server.outbox.queue import Outbox
from server.scoring.explanations import MAX_EXPLAINED_ROWS
from server.scoring.model import ready_model
from tabular.contract.training import Training
from tabular.model.bundle import write_bundle
from tabular.settings import Settings
from tests.conftest import random_records
from tests.optional import skip_without_lightgbm

ROWS = 1_000


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox", 50_000_000, "normal")


@pytest.fixture(scope="module", params=["xgboost", "forest", "linear", "lightgbm"])
def of_each_family(request, make_bundle, contract):
    if request.param == "lightgbm":
        skip_without_lightgbm()
    return make_bundle(contract, family=request.param)


def asked(bundle, outbox, name, record, *, key=None, explain=True):
    """The response of one handler, decoded; raises what it raises."""
    handlers = Handlers(SimpleNamespace(model=ready_model("run", bundle)), outbox, ApiMetrics(outbox, {}), Settings())
    body = Body(json.dumps(record).encode(), IDENTITY, 5_000_000, request_id())

    async def run():
        return await getattr(handlers, name)(body, key, explain=explain)

    found = asyncio.run(run())
    return json.loads(found if isinstance(found, bytes) else found.body)


def margin_of(why):
    return why["base"] + sum(why["contributions"].values())


def with_nulls(records):
    draw = np.random.default_rng(7)
    return [{name: None if draw.random() < 0.1 else value for name, value in record.items()} for record in records]


def test_of_a_thousand_rows_of_each_family_the_contributions_sum_to_the_log_odds(of_each_family, contract, outbox):
    records = with_nulls(random_records(contract, ROWS, seed=5))
    parts = [records[at : at + MAX_EXPLAINED_ROWS] for at in range(0, ROWS, MAX_EXPLAINED_ROWS)]
    served = [one for part in parts for one in asked(of_each_family, outbox, "array", part)["predictions"]]
    assert len(served) == ROWS
    margins = np.array([margin_of(why) for why in served])
    scores = np.array([why[contract.reply.prediction_key] for why in served])
    np.testing.assert_allclose(1 / (1 + np.exp(-margins)), scores, atol=2e-6)
    contributions = np.array([list(why["contributions"].values()) for why in served])
    assert all(why["contributions"].keys() == set(contract.input_names) for why in served)
    assert (contributions.std(axis=0) > 0).sum() >= 2


def test_one_row_is_explained_as_it_is_among_many_and_scored_as_without(of_each_family, contract, outbox):
    records = random_records(contract, 20, seed=6)
    many = asked(of_each_family, outbox, "array", records)["predictions"]
    for record, among in zip(records, many, strict=True):
        alone = asked(of_each_family, outbox, "single", record)
        plain = asked(of_each_family, outbox, "single", record, explain=False)
        assert "base" not in plain
        assert "contributions" not in plain
        key = contract.reply.prediction_key
        assert alone[key] == plain[key] == among[key]
        assert alone["contributions"] == pytest.approx(among["contributions"], abs=1e-6)


@pytest.mark.parametrize("family", ["xgboost", "linear"])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_sum_to_the_value_or_to_the_margin_of_the_likeliest_class(small_bundle_of, outbox, task, family):
    bundle, rows = small_bundle_of(task, family)
    scorer, explained = bundle.scorer, bundle.scorer.explain(rows)
    margins = explained.base + explained.contributions.sum(axis=2)
    if task == "regression":
        np.testing.assert_allclose(margins[:, 0], scorer.many(rows), rtol=1e-4, atol=1e-4)
        return
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), scorer.many(rows), atol=1e-5)
    record = bundle.golden[0].record
    why = asked(bundle, outbox, "single", record)
    winner = list(bundle.contract.target.classes).index(why[bundle.contract.reply.prediction_key])
    row = np.array([bundle.codec.parse(record).codes], dtype=np.float32)
    own = scorer.explain(row)
    assert margin_of(why) == pytest.approx(float(own.base[0, winner] + own.contributions[0, winner].sum()), abs=1e-5)


@pytest.fixture
def small_bundle_of(tiny_contract, trained_scorer, tmp_path):
    """A bundle of any task, and rows of it."""

    def make(task, family):
        contract = tiny_contract(task)
        draw = np.random.default_rng(0)
        columns = [draw.integers(0, 90, 900), draw.integers(0, 2, 900), draw.integers(0, 3, 900), draw.normal(size=900)]
        rows = np.column_stack(columns).astype(np.float32)
        target = rows[:, 0] / 30 + rows[:, 2] + draw.normal(0, 0.3, 900)
        scorer = trained_scorer(
            contract, family, rows, np.digitize(target, [1.5, 3.5]) if task != "regression" else target
        )
        records = [contract.example | {"age in years": int(rows[at, 0])} for at in range(20)]
        return write_bundle(tmp_path / "bundle", contract, scorer, pd.DataFrame(), {}, records, {}), rows

    return make


@pytest.fixture
def trained_scorer():
    def make(contract, family, rows, target):
        is_number = tuple(column.is_numeric for column in contract.inputs)
        data = SearchData(rows, target.astype(float), rows[:50], target[:50].astype(float), is_number)
        params = {"family": family} | {name: low for name, (low, _) in Training().ranges(family).items()}
        return Fit(data, objective(contract), 0, Training(max_rounds=20))(0, params).scorer

    return make


def test_rejected_rows_stay_among_the_explained_ones(of_each_family, contract, outbox):
    good = contract.example
    found = asked(of_each_family, outbox, "array", [good, {"nonsense": 1}, good])
    assert [("error" in row, "base" in row) for row in found["predictions"]] == [
        (False, True), (True, False), (False, True)
    ]  # fmt: skip
    assert (found["served"], found["rejected"]) == (2, 1)


def test_more_rows_than_are_explained_at_once_are_rejected(bundle, contract, outbox):
    with pytest.raises(HttpError, match="more than 100 rows"):
        asked(bundle, outbox, "array", [contract.example] * (MAX_EXPLAINED_ROWS + 1))
    assert outbox.status().current.depth == 0


def test_what_is_stored_has_no_explanation(bundle, contract, outbox):
    asked(bundle, outbox, "single", contract.example)
    (entry,) = outbox.oldest(10)
    assert contract.feature_names[0].encode() in entry.body
    assert b"contributions" not in entry.body


def test_a_key_stands_for_the_response_with_or_without_the_explanation(bundle, contract, outbox):
    first = asked(bundle, outbox, "single", contract.example, key="k")
    assert asked(bundle, outbox, "single", contract.example, key="k") == first
    assert "contributions" in first
    with pytest.raises(HttpError, match="has been used for another request"):
        asked(bundle, outbox, "single", contract.example, key="k", explain=False)


def test_the_trees_contributions_are_xgboost_s_own(bundle):
    rows = bundle._golden_rows()
    theirs = bundle.scorer._booster.predict(xgb.DMatrix(rows), pred_contribs=True)
    base, contributions = bundle.scorer.explain(rows)
    np.testing.assert_array_equal(contributions[:, 0].astype(np.float32), theirs[:, :-1])
    np.testing.assert_array_equal(base[:, 0].astype(np.float32), theirs[:, -1])


@pytest.mark.parametrize(
    ("query", "explains"),
    [(b"explain=1", True), (b"explain=true", True), (b"explain=0", False), (b"explain=false", False), (b"x=1", False),
     (b"a=b&explain=1", True), (b"explain=0&explain=1", True)],
)  # fmt: skip
def test_a_query_asks_to_explain_or_does_not(query, explains):
    assert asks_to_explain(query) is explains


@pytest.mark.parametrize("query", [b"explain=yes", b"explain=", b"explain", b"explain=1%00", b"explain=\xff"])
def test_another_value_is_rejected_by_name(query):
    with pytest.raises(HttpError) as rejected:
        asks_to_explain(query)
    assert (rejected.value.status, rejected.value.code) == (400, "bad_query")
    assert rejected.value.faults[0].field == "explain"
