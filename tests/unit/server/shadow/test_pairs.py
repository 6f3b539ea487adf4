"""Pairs of losses: which labelled predictions count, each once, in the order of their labels."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from server.scoring.model import ready_model
from server.shadow.follower import Follower, beginning
from server.shadow.pairs import LabelledPairs
from tabular.errors import Unavailable
from tabular.predictions.label import LATE_AFTER, SETTLED_AFTER
from tabular.predictions.sampling import Sample
from tests.adapters.memory.shadow import MemoryShadow
from tests.conftest import random_records
from tests.unit.server.shadow.stored import NOON, at_second, made_by

LATER = NOON + timedelta(hours=1)


class Labels:
    """Labelled predictions in the order of their labels, and what was asked for."""

    def __init__(self):
        self.labelled = []
        self.asked = []
        self.is_down = False

    def labelled_between(self, since, until, most, run_id):
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
        self.asked.append((since, until))
        assert most > len(self.labelled)
        return Sample([one for one in self.labelled if since <= one.labelled_at < until and one.run_id == run_id])


@pytest.fixture(scope="module")
def models(bundle, make_bundle, contract):
    return ready_model("run1", bundle), ready_model("run2", make_bundle(contract, seed=7))


@pytest.fixture
def stage(models):
    """The labels, the store, and the pairs of both models."""
    labels, store = Labels(), MemoryShadow()
    progress = beginning(models[1].table, "run2", NOON)
    follower = Follower(store, models[1], progress, lambda *_: None)
    return labels, store, LabelledPairs(labels, store, follower, models[0].bundle.contract, 1.0)


def labelled(model, count, first=0, label="positive", **changes):
    target = model.bundle.contract.target
    names = {"positive": target.positive, "negative": next(one for one in target.classes if one != target.positive)}
    made = made_by(model, random_records(model.bundle.contract, count, seed=first), first)
    return [
        msgspec.structs.replace(
            one, label=names.get(label, label), labelled_at=one.made_at + timedelta(minutes=1), **changes
        )
        for one in made
    ]


def read(pairs, now=LATER, since=NOON):
    return pairs.read("run1", "run2", since, now)


def test_the_losses_are_those_of_the_champion_and_of_the_same_row_in_the_shadow(stage, models):
    labels, store, pairs = stage
    labels.labelled = [*labelled(models[0], 3), *labelled(models[0], 2, first=3, label="negative")]
    assert read(pairs) == 5
    champion, own = pairs.losses
    target = np.array([1, 1, 1, 0, 0])
    assert champion.tolist() == ((np.array([one.score for one in labels.labelled]) - target) ** 2).tolist()
    scores = np.array([store.saved["run2", one.id].score for one in labels.labelled])
    assert own.tolist() == ((scores - target) ** 2).tolist()


def test_a_score_that_is_stored_is_not_made_again(stage, models):
    labels, store, pairs = stage
    labels.labelled = labelled(models[0], 1)
    (one,) = labels.labelled
    Follower(store, models[1], beginning(models[1].table, "run2", NOON), lambda *_: None).score([one])
    store.saved["run2", one.id] = msgspec.structs.replace(store.saved["run2", one.id], score=0.125)
    read(pairs)
    assert pairs.losses[1].tolist() == [0.765625]


def test_each_prediction_counts_once_whenever_its_label_is_corrected(stage, models):
    labels, _, pairs = stage
    labels.labelled = labelled(models[0], 2)
    assert read(pairs, LATER) == 2
    corrected = msgspec.structs.replace(labels.labelled[0], label="negative", labelled_at=LATER)
    labels.labelled = [labels.labelled[1], corrected]
    assert read(pairs, LATER + timedelta(hours=1)) == 0
    assert len(pairs.losses[0]) == 2


def test_of_a_business_key_the_first_counts(stage, models):
    labels, _, pairs = stage
    first = labelled(models[0], 2, business_key="customer 1")
    other = labelled(models[0], 1, first=2, business_key="customer 2")
    labels.labelled = [*first, *other]
    assert read(pairs) == 2
    labels.labelled = labelled(models[0], 1, first=3_600, business_key="customer 1")
    assert read(pairs, LATER + timedelta(hours=1)) == 0


def test_what_was_predicted_before_the_challenge_or_has_no_valid_label_does_not_count(stage, models):
    labels, _, pairs = stage
    labels.labelled = [*labelled(models[0], 4), *labelled(models[0], 1, first=4, label="nobody knows")]
    assert read(pairs, since=at_second(2)) == 2
    assert pairs.not_comparable == 0


def test_what_the_model_s_contract_does_not_allow_is_counted(stage, models):
    labels, _, pairs = stage
    labels.labelled = [*labelled(models[0], 2), *labelled(models[0], 1, first=2, row={})]
    assert read(pairs) == 2
    assert pairs.not_comparable == 1


def test_it_reads_on_where_it_ended_and_nothing_that_may_still_come(stage, models):
    labels, _, pairs = stage
    labels.labelled = labelled(models[0], 1)
    read(pairs, LATER)
    read(pairs, LATER + timedelta(minutes=5))
    end = LATER - SETTLED_AFTER
    again = end - LATE_AFTER
    five = timedelta(minutes=5)
    assert labels.asked == [(NOON, end), (end, end + five), (again, again + five)]


def test_a_label_that_a_stalled_store_took_late_counts_once(stage, models):
    labels, _, pairs = stage
    [late] = labelled(models[0], 1)
    stamped, moment = late.labelled_at, timedelta(seconds=1)
    assert read(pairs, stamped + SETTLED_AFTER + moment) == 0
    labels.labelled = [late]
    assert read(pairs, stamped + SETTLED_AFTER + LATE_AFTER) == 0
    assert [read(pairs, stamped + SETTLED_AFTER + LATE_AFTER + moment * at) for at in (1, 2)] == [1, 0]


def test_while_the_store_is_down_it_stays_where_it_was(stage, models):
    labels, store, pairs = stage
    labels.labelled = labelled(models[0], 3)
    for port in (labels, store):
        port.is_down = True
        with pytest.raises(Unavailable):
            read(pairs)
        port.is_down = False
    assert read(pairs) == 3


def test_nothing_is_known_without_labels(stage):
    _, _, pairs = stage
    assert read(pairs) == 0
    assert [len(losses) for losses in pairs.losses] == [0, 0]


def test_after_a_clock_that_was_ahead_no_label_is_passed_over_and_none_counts_twice(stage, models):
    labels, _, pairs = stage
    labels.labelled = labelled(models[0], 20)
    assert pairs.read("run1", "run2", NOON, LATER + timedelta(days=1)) == 20
    labels.labelled += labelled(models[0], 10, first=20)
    assert pairs.read("run1", "run2", NOON, at_second(120)) == 0
    assert pairs.read("run1", "run2", NOON, at_second(300)) == 10
    assert len(pairs.losses[0]) == 30
