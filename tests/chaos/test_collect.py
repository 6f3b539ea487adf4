"""What the audit reads of a real store: labels that wait, those that were given up, and the scores of the shadow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tabular.predictions.label import Label
from tabular.shadow.score import ShadowScore
from tabular.wiring import Wiring
from tests.adapters.noon import NOON, prediction
from tests.chaos.audit.collect import label_history, labels_waiting, shadow_scores, stored


@pytest.fixture
def wiring(store, settings, database):
    return Wiring(msgspec.structs.replace(settings, mongo_database=database))


def label(**whose) -> Label:
    received_at = NOON + timedelta(days=1)
    return Label(table="churn", outcome="left", received_at=received_at, source="api", **whose)


def test_a_label_is_attached_or_waits_or_was_given_up(wiring):
    wiring.predictions().save([prediction(1)])
    labels = wiring.labels({"churn": 30.0})
    labels.save([label(prediction_id="p1"), label(prediction_id="p2"), label(business_key="k")])
    assert labels_waiting(wiring.settings) == {"p2", "k"}
    labels.attach_waiting(NOON + timedelta(days=30))
    assert labels_waiting(wiring.settings) == {"p2", "k"}, "orphans now"
    assert labels.count_waiting() == 0
    assert [known for known, _ in label_history(wiring.settings)] == ["p1"]
    assert [(one.id, one.label) for one in stored(wiring.settings)] == [("p1", "left")]


def test_the_scores_of_the_shadow_are_read_bit_for_bit(wiring):
    score = ShadowScore(
        prediction_id="p1", run_id="b", table="churn", made_at=NOON, scored_at=datetime.now(UTC), score=0.1 + 0.2
    )
    wiring.shadow().save([score])
    assert shadow_scores(wiring.settings) == [("p1", 0.1 + 0.2)]
