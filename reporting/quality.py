"""Quality on ground-truth labels, and on nothing else: a prediction without a label says nothing about quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import pandas as pd

from reporting.rendering import TITLES
from tabular.contract.types import Contract
from tabular.model.bundle import Bundle
from tabular.predictions.prediction import Prediction
from tabular.quality.estimate import Estimate, NoEstimate, estimator_of
from tabular.quality.interval import Interval
from tabular.quality.intervals import intervals
from tabular.quality.labelled.rows import LabelledRows, held_out, labelled_rows
from tabular.quality.labelled.targets import are_numbers, scores_of
from tabular.quality.metrics import metrics
from tabular.quality.slices import slice_metric, slices

MAX_SLICES = 40
"""Slices that a page shows, those with the most labels."""

Measures = dict[str, float]


class SliceQuality(msgspec.Struct, frozen=True):
    """One value of a slice feature: the metric that slices are known by, now and on the reference where both have it.

    None where there are too few labels to measure.
    """

    feature: str
    value: str
    labels: int
    measure: float | None
    interval: Interval | None
    reference: float | None


class Quality(msgspec.Struct, frozen=True):
    """Measures of the window by name, and of the reference where it can be measured the same way.

    `intervals` has the ends of the 95 % interval of those measures of the window that have one.
    `labels` is how many true labels there were; `unreadable` how many were not a class (or a number) of the contract.
    `note` says why a measure is absent. The labelled predictions were made from `oldest_at` to `newest_at`, UTC.
    """

    labels: int
    unreadable: int
    measures: Measures
    reference: Measures
    note: str = ""
    intervals: dict[str, Interval] = {}
    slices: tuple[SliceQuality, ...] = ()
    oldest_at: datetime | None = None
    newest_at: datetime | None = None


def measure(predictions: Sequence[Prediction], reference: pd.DataFrame, contract: Contract) -> Quality | None:
    """The quality on those predictions whose true label is known; None if there is none."""
    rows, before = labelled_rows(predictions, contract), held_out(reference, contract)
    if not len(rows):
        why = "No label names a class or a value of the contract."
        return Quality(0, rows.unreadable, {}, {}, why) if rows.unreadable else None
    now = _measures(rows, contract)
    is_ranked = contract.table.task == "regression" or "roc_auc" in now
    note = "" if is_ranked else "All labels are of one class, so the ranking (ROC-AUC) cannot be measured."
    ends = intervals(contract.table.task, rows.target, rows.scores, off_by=contract.off_by_more_than)
    shown = {name: ends[name] for name in now if name in ends}
    by_slice = _by_slice(rows, before, contract)
    times = [one.made_at for one in predictions if one.label is not None]
    of_reference = _measures(before, contract)
    return Quality(len(rows), rows.unreadable, now, of_reference, note, shown, by_slice, min(times), max(times))


def estimated(bundle: Bundle, predictions: Sequence[Prediction]) -> Mapping[str, Estimate] | NoEstimate:
    """The quality of predictions estimated from their scores alone, which is no measurement."""
    estimator = estimator_of(bundle)
    if isinstance(estimator, NoEstimate):
        return estimator
    scores = scores_of(predictions, bundle.contract)
    return estimator.estimate(scores[are_numbers(scores)])


def _by_slice(rows: LabelledRows, reference: LabelledRows, contract: Contract) -> tuple[SliceQuality, ...]:
    """The slices of the labelled predictions, the largest of each feature."""
    metric = slice_metric(contract.table.task)
    known = slices(contract, reference.features, reference.target, reference.scores)
    before = {(one.feature, one.value): one.metrics or {} for one in known}
    here = slices(contract, rows.features, rows.target, rows.scores)
    found = sorted(here, key=lambda one: -one.n)[:MAX_SLICES]
    order = contract.table.slice_features.index
    return tuple(
        SliceQuality(
            one.feature,
            one.value,
            one.n,
            (one.metrics or {}).get(metric),
            one.intervals.get(metric),
            before.get((one.feature, one.value), {}).get(metric),
        )
        for one in sorted(found, key=lambda one: (order(one.feature), one.value))
    )


def _measures(rows: LabelledRows, contract: Contract) -> Measures:
    found = metrics(contract.table.task, rows.target, rows.scores, off_by=contract.off_by_more_than)
    if contract.table.task == "binary":
        found |= {"positive_share": float(rows.target.mean()), "mean_score": float(rows.scores.mean())}
    return {name: found[name] for name in TITLES if name in found}
