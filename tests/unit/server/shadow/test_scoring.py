"""A stored row scored in the shadow gives what the model's own response would have been, bit for bit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.scoring.model import ready_model
from server.shadow.scoring import shadow_scores, stored_row
from tabular.encoding.row import RowCodec
from tabular.errors import Rejected
from tests.conftest import random_records
from tests.optional import skip_without_lightgbm
from tests.unit.any_contract import SHIPPED, contracts, near_records, quick
from tests.unit.server.shadow.stored import at_second, made_by
from tests.unit.server.sources import SOURCES

BINARY = [contract for contract in SHIPPED if contract.table.task == "binary"]


def awkward(contract, records):
    """The records, some with missing values and categories that nobody knows, or with another spelling."""
    for at, record in enumerate(records):
        for position, feature in enumerate(contract.features):
            if (at + position) % 7 == 0:
                record[feature.name] = None
            elif (at + position) % 11 == 0 and feature.kind in ("category", "ordinal"):
                record[feature.name] = "  Nobody Knows This  " if at % 2 else feature.categories[0].upper()
    return records


@pytest.mark.parametrize("family", ["xgboost", "linear", "forest"])
@pytest.mark.parametrize("contract", BINARY, ids=lambda contract: contract.table.name)
def test_every_source_s_score_is_what_the_shadow_gives(make_bundle, contract, family):
    champion, challenger = (
        ready_model(f"run{seed}", make_bundle(contract, seed=seed, rows=400, family=family)) for seed in (1, 2)
    )
    records = awkward(contract, random_records(contract, 60, seed=9))
    stored = made_by(champion, records)
    assert any(one.unknown for one in stored)
    again = [score.score for score in shadow_scores(challenger, stored)]
    assert again != [one.score for one in stored]
    for score in SOURCES:
        assert score(challenger, records) == again


def test_of_lightgbm_too(make_bundle, contract):
    skip_without_lightgbm()
    champion, challenger = (
        ready_model(f"run{seed}", make_bundle(contract, seed=seed, family="lightgbm")) for seed in (1, 2)
    )
    records = awkward(contract, random_records(contract, 60, seed=9))
    again = [score.score for score in shadow_scores(challenger, made_by(champion, records))]
    assert [score(challenger, records) for score in SOURCES] == [again] * len(SOURCES)


def test_of_several_classes_every_probability_is_the_model_s_own(multiclass_bundle):
    model = ready_model("run2", multiclass_bundle)
    records = awkward(model.bundle.contract, random_records(model.bundle.contract, 60, seed=9))
    stored = made_by(model, records, run_id="run1", probabilities=None, score=0.0)
    fresh = made_by(model, records)
    for score, own, of in zip(shadow_scores(model, stored), fresh, stored, strict=True):
        assert (score.score, score.probabilities, score.predicted_class) == (
            own.score,
            own.probabilities,
            own.predicted_class,
        )
        assert (score.prediction_id, score.made_at, score.table) == (of.id, of.made_at, "tiny")
        assert score.run_id == "run2"
        assert score.scored_at > of.made_at


@quick
@given(st.data())
def test_a_stored_row_is_the_same_row_for_any_contract(data):
    contract = data.draw(contracts())
    codec = RowCodec(contract)
    try:
        row = codec.decode(msgspec.json.encode(data.draw(near_records(contract))))
    except Rejected:
        return
    stored = dict(zip(contract.feature_names, row.values, strict=True))
    if row.business_key is not None:  # it is stored beside the row
        stored[contract.table.business_key] = row.business_key
    assert repr(codec.parse(stored)) == repr(row)


def test_a_row_that_lacks_a_feature_or_is_out_of_the_model_s_bounds_is_left_out(bundle):
    model = ready_model("run2", bundle)
    contract = bundle.contract
    stored = made_by(model, random_records(contract, 3, seed=1), run_id="run1")
    number = next(feature.name for feature in contract.features if feature.is_numeric)
    lacking = msgspec.structs.replace(
        stored[0], row={key: stored[0].row[key] for key in stored[0].row if key != number}
    )
    beyond = msgspec.structs.replace(stored[1], row=stored[1].row | {number: 1e9})
    further = msgspec.structs.replace(stored[2], row=stored[2].row | {"a feature it does not use": 1})
    found = shadow_scores(model, [lacking, beyond, further])
    assert [one.prediction_id for one in found] == [further.id]
    assert stored_row(model, lacking) is None
    assert shadow_scores(model, []) == []
    assert found[0].made_at == at_second(2)
