"""The port `PredictionReader` in memory, with switches to be down, and as much of the writing as its tests need."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from tabular.errors import Unavailable
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample


class MemoryPredictions:
    """`predictions` are newest first; `reads` and `counts` say how often they were read and counted."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.is_down = False
        self.reads = 0
        self.counts = 0
        self.is_too_large_to_count = False
        self.unreadable = 0

    def _up(self) -> None:
        self.reads += 1
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")

    def save(self, predictions):
        known = {found.id for found in self.predictions}
        new = {one.id: one for one in reversed(predictions) if one.id not in known}
        self.predictions = sorted([*self.predictions, *new.values()], key=lambda one: one.made_at, reverse=True)
        return len(new)

    def latest(self, limit, run_id=None, until=None, table=None):
        self._up()
        return [
            found
            for found in self.predictions
            if run_id in (None, found.run_id)
            and table in (None, found.table)
            and (until is None or found.made_at < until)
        ][:limit]

    def runs(self, since, until, most, newest=None, table=None):
        found = self.latest(newest or len(self.predictions), until=until, table=table)
        return Counter(one.run_id for one in found[:most] if since is None or one.made_at >= since)

    def by_minute(self, since, until, most, table=None):
        found = [one for one in self.latest(most, until=until, table=table) if one.made_at >= since]
        return Counter((one.made_at.replace(second=0, microsecond=0), one.source) for one in found)

    def count_since(self, since, most, table=None):
        return min(most, sum(found.made_at >= since and table in (None, found.table) for found in self.predictions))

    def sample_latest(self, newest, most, run_id, until=None):
        found = self.latest(newest, run_id, until)
        if len(found) <= most:
            return Sample(found)
        share = 0.5 ** math.ceil(math.log2(len(found) / most))
        return Sample(found[:: round(1 / share)], share)

    def sample_between(self, since, until, most, run_id):
        found = [one for one in self.latest(len(self.predictions), run_id, until) if one.made_at >= since]
        share = 0.5 ** max(math.ceil(math.log2(len(found) / most)), 0) if found else 1.0
        return Sample(found[:: round(1 / share)], share)

    def labelled_between(self, since, until, most, run_id):
        self._up()
        labelled = [one for one in self.predictions if one.run_id == run_id and one.labelled_at is not None]
        found = [one for one in sorted(labelled, key=lambda one: one.labelled_at) if since <= one.labelled_at < until]
        share = 0.5 ** max(math.ceil(math.log2(len(found) / most)), 0) if found else 1.0
        return Sample(found[:: round(1 / share)], share)

    def labelled_latest(self, newest, run_id, until=None):
        self._up()
        labelled = [one for one in self.predictions if one.run_id == run_id and one.labelled_at is not None]
        found = [one for one in labelled if until is None or one.labelled_at < until]
        return sorted(found, key=lambda one: one.labelled_at, reverse=True)[:newest]

    def count_by_source(self):
        self.counts += 1
        if self.is_too_large_to_count:
            raise Unavailable("the prediction store", "it took too long")
        return dict(Counter((found.table, found.source) for found in self.predictions))

    def save_report(self, report):
        self.rows[report["_id"]] = dict(report)

    def reports(self, limit, table=None):
        self._up()
        found = [row for row in self.rows.values() if table in (None, row.get("table"))]
        return sorted(found, key=lambda row: row["made_at"], reverse=True)[:limit]
