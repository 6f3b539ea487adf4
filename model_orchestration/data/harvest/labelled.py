"""The labelled predictions of a time range, each business key once, and the predictions without a label beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tabular.ports.predictions import PredictionReader
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import LEAST_SHARE, Sample, level_of
from tabular.quality.labelled.coverage import ScoreDecile, label_coverage

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_READ = 2_000
NEWEST_READ = 10_000
MOST_RUNS_READ = 100_000
"""So many predictions are looked at for the runs that made them; what made fewer than one in so many may be missed."""


class Labelled(NamedTuple):
    """Predictions with a label, oldest first: all, or a uniform sample of this share of them."""

    predictions: list[Prediction]
    share: float


def labelled(store: PredictionReader, table: str, since: datetime | None, until: datetime, most: int) -> Labelled:
    """The predictions of a table with since <= labelled_at < until; raises Unavailable."""
    return _labelled(store, sorted(store.runs(None, until, MOST_RUNS_READ, table=table)), since, until, most)


def _labelled(
    store: PredictionReader, runs: Sequence[str], since: datetime | None, until: datetime, most: int
) -> Labelled:
    samples = [store.labelled_between(since or FIRST, until, most, run_id) for run_id in runs]
    # One share for all: a run of which less could be read must not have less weight than the others.
    share = min((sample.share for sample in samples), default=1.0)
    kept = [one for sample in samples for one in sample.predictions]
    if share < 1:
        kept = [one for one in kept if 0.5 ** level_of(one.id) <= share]
    while len(kept) > most:
        share /= 2
        kept = [one for one in kept if 0.5 ** level_of(one.id) <= share]
    return Labelled(sorted(kept, key=lambda one: (one.made_at, one.id)), share)


def count_labelled(store: PredictionReader, table: str, since: datetime | None, until: datetime, most: int) -> int:
    """How many predictions were labelled in that time, counted up to `most`; raises Unavailable.

    Of the runs that made the newest predictions: it is asked often, and reads no more than an index gives at once. So
    many more are read than are counted that no sample is taken where it matters.
    """
    runs = sorted(store.runs(None, until, NEWEST_READ, newest=NEWEST_READ, table=table))
    found = _labelled(store, runs, since, until, max(LEAST_READ, LEAST_SHARE * most))
    return min(round(len(found.predictions) / found.share), most)


def newest_of_each_key(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Of the predictions of one business key the newest alone; those without a key are each by themselves."""
    newest: dict[tuple[str, bool], Prediction] = {}
    for prediction in predictions:
        key = prediction.business_key
        newest[key or prediction.id, key is None] = prediction
    return sorted(newest.values(), key=lambda one: (one.made_at, one.id))


def coverage(
    store: PredictionReader, table: str, predictions: Sequence[Prediction], most: int
) -> tuple[ScoreDecile, ...]:
    """The predictions with and without a label of the time in which these were made; raises Unavailable."""
    since, until = predictions[0].made_at, predictions[-1].made_at + timedelta(microseconds=1)
    everything = [one for sample in _samples(store, table, since, until, most) for one in sample.predictions]
    return label_coverage([one.score for one in everything], [one.label is not None for one in everything])


def _samples(store: PredictionReader, table: str, since: datetime, until: datetime, most: int) -> Sequence[Sample]:
    runs = sorted(store.runs(since, until, most, table=table))
    return [store.sample_between(since, until, most, run_id) for run_id in runs]
