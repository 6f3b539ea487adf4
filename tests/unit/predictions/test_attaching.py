"""Which labels change which predictions, whatever is sent again and in whatever pieces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tabular.predictions.attaching import Standing, plan
from tabular.predictions.label import Label

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def come(at_us: int, outcome: str = "left", ids: tuple[str, ...] = ("p1",)) -> tuple[Label, int, tuple[str, ...]]:
    """A label that came in so many microseconds after noon, for these predictions."""
    received_at = NOON + timedelta(microseconds=at_us)
    return Label(table="t", business_key="k", outcome=outcome, received_at=received_at, source="api"), at_us, ids


def after(standing: dict[str, Standing], changes) -> dict[str, Standing]:
    new = {one.before.prediction_id: (one.label.outcome, one.received_at_us) for one in changes}
    return {known: Standing(known, one.run_id, *new.get(known, one[2:])) for known, one in standing.items()}


FRESH = {known: Standing(known, "run1") for known in ("p1", "p2")}


def test_a_label_goes_to_every_prediction_that_it_names_and_is_counted_once():
    planned = plan([come(1, ids=("p1", "p2", "nobody"))], FRESH)
    assert [change.before.prediction_id for change in planned.changes] == ["p1", "p2"]
    assert planned.results == {0: "attached"}


def test_what_names_no_stored_prediction_waits():
    assert plan([come(1, ids=()), come(2, ids=("nobody",))], FRESH).results == {0: "waiting", 1: "waiting"}


def test_the_same_outcome_changes_nothing_and_another_one_replaces_it():
    labels = [come(1, "left"), come(2, "left"), come(3, "stayed"), come(4, "left")]
    planned = plan(labels, FRESH)
    assert planned.results == {0: "attached", 1: "repeated", 2: "corrected", 3: "corrected"}
    assert [change.before.outcome for change in planned.changes] == [None, "left", "stayed"]


def test_a_label_that_came_in_before_the_one_that_stands_changes_nothing():
    standing = {"p1": Standing("p1", "run1", "stayed", 5)}
    assert plan([come(4, "left")], standing).results == {0: "repeated"}


def test_a_label_of_a_document_that_says_no_time_gives_way_to_any():
    assert plan([come(0, "left")], {"p1": Standing("p1", "run1", "stayed")}).results == {0: "corrected"}


@given(
    st.lists(st.tuples(st.sampled_from(["left", "stayed", "moved"]), st.sampled_from(["p1", "p2"])), max_size=8),
    st.randoms(use_true_random=False),
)
def test_whatever_is_sent_again_changes_nothing(told, random):
    labels = [come(at, outcome, (known,)) for at, (outcome, known) in enumerate(told)]
    standing = after(FRESH, plan(labels, FRESH).changes)
    again = random.sample(labels, random.randint(0, len(labels)))
    planned = plan(again, standing)
    assert not planned.changes
    assert set(planned.results.values()) <= {"repeated"}


@given(st.lists(st.sampled_from(["left", "stayed"]), min_size=1, max_size=8), st.data())
def test_in_several_writes_labels_give_what_they_give_in_one(told, data):
    labels = [come(at, outcome) for at, outcome in enumerate(told)]
    cut = data.draw(st.integers(0, len(labels)))
    first = after(FRESH, plan(labels[:cut], FRESH).changes)
    both = after(first, plan(labels[cut:], first).changes)
    assert both == after(FRESH, plan(labels, FRESH).changes)
