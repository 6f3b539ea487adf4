"""The labelled predictions of a time range, each business key once, and the predictions without a label beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tabular.ports.predictions import PredictionReader
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample
from tabular.quality.label_coverage import ScoreDecile, label_coverage


class Labelled(NamedTuple):
    """Predictions with a label, oldest first: all, or a uniform sample of this share of them."""

    predictions: list[Prediction]
    share: float


def labelled(store: PredictionReader, table: str, since: datetime | None, until: datetime, most: int) -> Labelled:
    """The labelled predictions of a table in since <= made_at < until; raises Unavailable."""
    samples = _samples(store, table, since, until, most)
    found = [prediction for sample in samples for prediction in sample.predictions if prediction.label is not None]
    share = min((sample.share for sample in samples), default=1.0)
    return Labelled(sorted(found, key=lambda one: (one.made_at, one.id)), share)


def newest_of_each_key(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Of the predictions of one business key the newest alone; those without a key are each by themselves."""
    newest: dict[tuple[str, bool], Prediction] = {}
    for prediction in predictions:
        key = getattr(prediction, "business_key", None)
        newest[key or prediction.id, key is None] = prediction
    return sorted(newest.values(), key=lambda one: (one.made_at, one.id))


def coverage(
    store: PredictionReader, table: str, predictions: Sequence[Prediction], most: int
) -> tuple[ScoreDecile, ...]:
    """The predictions with and without a label of the time in which these were made; raises Unavailable."""
    since, until = predictions[0].made_at, predictions[-1].made_at + timedelta(microseconds=1)
    everything = [one for sample in _samples(store, table, since, until, most) for one in sample.predictions]
    return label_coverage([one.score for one in everything], [one.label is not None for one in everything])


def _samples(
    store: PredictionReader, table: str, since: datetime | None, until: datetime, most: int
) -> Sequence[Sample]:
    first = since or datetime(1970, 1, 1, tzinfo=until.tzinfo)
    runs = sorted(store.runs(since, until, most, table=table))
    return [store.sample_between(first, until, most, run_id) for run_id in runs]
