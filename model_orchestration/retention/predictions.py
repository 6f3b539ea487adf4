"""The predictions of a table that nothing needs any more, with their labels, keys and shadow scores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from model_orchestration.retention.needs import Surroundings, compared_runs, limits
from model_orchestration.retention.part import MOST_COUNTED, Part, cutoff, in_batches
from tabular.ports.retention import RetentionStore


def old_predictions(asked: Surroundings, store: RetentionStore, now: datetime, *, dry: bool) -> Iterator[Part]:
    """Delete them, or count them; blocks, alarms and the ledger keep what they say. Raises Unavailable.

    In this order, so that whoever is killed leaves nothing that is not found again: the history of labels and the
    shadow's scores are found by their own times.
    """
    if not asked.settings.retention_predictions_days:
        return
    needed = limits(asked, now)
    before, kept = cutoff(needed), [str(limit) for limit in sorted(needed)]
    if dry:
        yield Part("predictions", store.count_predictions(asked.table, before, MOST_COUNTED), kept)
        yield Part("shadow scores", store.count_shadow_scores(asked.table, before, MOST_COUNTED), ["as predictions"])
        return
    labels = in_batches(partial(store.delete_labels, asked.table, before))
    scores = in_batches(partial(store.delete_shadow_scores, asked.table, before))
    yield Part("predictions", in_batches(partial(store.delete_predictions, asked.table, before)), kept)
    yield Part("labels", labels, ["as predictions, once their own time is past it, too"])
    yield Part("shadow scores", scores, ["as predictions"])


def old_shadow_scores(asked: Surroundings, store: RetentionStore, now: datetime, *, dry: bool) -> Iterator[Part]:
    """Delete, or count, the scores of comparisons that have ended; raises Unavailable."""
    days = asked.settings.retention_shadow_days
    if not days:
        return
    running = compared_runs(asked, now)
    before = now - timedelta(days=days)
    kept = [f"from {before:%Y-%m-%d %H:%M} UTC on by RETENTION_SHADOW_DAYS={days:g}"]
    kept += [f"run {run_id} is compared in the shadow" for run_id in running]
    if dry:
        count = store.count_shadow_scores(asked.table, before, MOST_COUNTED, running)
    else:
        count = in_batches(lambda most: store.delete_shadow_scores(asked.table, before, most, running))
    yield Part("shadow scores of ended comparisons", count, kept)
