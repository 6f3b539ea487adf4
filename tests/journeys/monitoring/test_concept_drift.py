"""Concept drift over the real store: inputs alike, outcomes flipped; labels tell, inputs and estimate do not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from monitoring.alarms.alarms import Alarms, AlarmStores
from monitoring.estimates import QualityEstimates
from monitoring.quality import LiveQuality
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.model.bundle import REFERENCE_TARGET
from tabular.ports.labels import LabelCounts
from tabular.predictions.label import Label
from tabular.wiring import Wiring

RUN = "e" * 32
ROWS, BLOCK_SECONDS, WAIT_SECONDS = 1_500, 1.0, 30


class Business:
    """Predictions of rows of the reference, and their outcomes, in a database of its own."""

    def __init__(self, settings, database, bundle) -> None:
        wiring = Wiring(msgspec.structs.replace(settings, mongo_database=database), bundle.contract)
        self.bundle = bundle
        self.predictions, self.labels, self.ledger = wiring.predictions(), wiring.labels(), wiring.ledger()
        self.stores = AlarmStores(self.predictions, wiring.blocks(), wiring.loss_blocks(), self.ledger)

    def close(self) -> None:
        for one in (self.predictions, self.labels, self.ledger, self.stores.blocks, self.stores.loss_blocks):
            one.close()

    def month(self, seed: int, flipped: float) -> list:
        """Predict rows, and attach their outcomes, a share of them flipped; returns the predictions."""
        bundle = self.bundle
        frame = bundle.reference().sample(ROWS, replace=True, random_state=seed).reset_index(drop=True)
        codec = RowCodec(bundle.contract)
        rows = [codec.parse(record) for record in frame[list(bundle.contract.feature_names)].to_dict("records")]
        made = ready_model(RUN, bundle).many(columns_of(rows), [f"{seed}-{at}" for at in range(ROWS)], "api")
        now = datetime.now(UTC)
        made = [msgspec.structs.replace(one, made_at=now) for one in made]
        assert self.predictions.save(made) == ROWS
        is_positive = frame[REFERENCE_TARGET].to_numpy() == 1
        is_positive ^= np.random.default_rng(seed).random(ROWS) < flipped
        target = bundle.contract.target
        (negative,) = set(target.classes) - {target.positive}
        outcomes = [target.positive if one else negative for one in is_positive]
        fields = {"table": bundle.contract.table.name, "received_at": datetime.now(UTC), "source": "file"}
        labels = [
            Label(prediction_id=one.id, outcome=outcome, **fields) for one, outcome in zip(made, outcomes, strict=True)
        ]
        assert self.labels.save(labels) == LabelCounts(attached=ROWS)
        return made

    def alarms(self) -> Alarms:
        return Alarms(self.stores, self.bundle.contract.table.name, BLOCK_SECONDS)


@pytest.fixture
def business(store, settings, database, bundle):
    one = Business(settings, database, bundle)
    yield one
    one.close()


def checked(alarms, bundle, began, labels):
    """The alarms once they rest on so many labels."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = alarms.check(RUN, bundle, began, datetime.now(UTC))
        if "quality" in found and found["quality"].figures["labelled_predictions"] >= labels:
            return found
        time.sleep(0.2)
    raise AssertionError(f"the alarms do not rest on {labels} labels: {found}")


def test_flipped_outcomes_raise_the_alarm_on_quality_alone_and_the_estimate_is_blind(business, bundle):
    began = datetime.now(UTC) - timedelta(seconds=1)
    alarms, live, estimates = business.alarms(), LiveQuality(business.predictions, ROWS), QualityEstimates(100)
    steady = business.month(seed=1, flipped=0.0)
    found = checked(alarms, bundle, began, ROWS)
    assert {kind for kind, alarm in found.items() if alarm.raised_at is not None} == set()
    quality, estimate = live.check(RUN, bundle, datetime.now(UTC)), estimates.of(RUN, bundle, steady)
    assert quality.measured.rows == ROWS
    promised = quality.reference.measures["roc_auc"].value
    assert abs(quality.measured.measures["roc_auc"].value - promised) < 0.05
    assert abs(estimate["roc_auc"].value - promised) < 0.05

    drifted = business.month(seed=2, flipped=0.3)
    found = checked(alarms, bundle, began, 2 * ROWS)
    assert {kind for kind, alarm in found.items() if alarm.raised_at is not None} == {"quality"}
    quality = live.check(RUN, bundle, datetime.now(UTC))
    assert quality.measured.measures["roc_auc"].interval.high < promised - 0.1
    assert abs(estimates.of(RUN, bundle, drifted)["roc_auc"].value - promised) < 0.05, "it cannot see it"

    (entry,) = business.ledger.entries()
    assert (entry.kind, entry.run_id, entry.who, entry.evidence["kind"]) == ("alarmed", RUN, "monitor", "quality")
    assert entry.evidence["mean_loss"] > entry.evidence["highest_mean_loss"]

    again = business.alarms().check(RUN, bundle, datetime.now(UTC), datetime.now(UTC))
    assert again["quality"].raised_at == found["quality"].raised_at
    assert [one.id for one in business.ledger.entries()] == [entry.id]
