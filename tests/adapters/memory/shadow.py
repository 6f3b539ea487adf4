"""The port `ShadowStore` in memory, over the predictions in memory, with a switch to be down."""

from __future__ import annotations

from tabular.errors import Unavailable
from tabular.ports.shadow import NextPredictions
from tabular.shadow.score import ShadowProgress, ShadowScore
from tests.adapters.memory.predictions import MemoryPredictions


class MemoryShadow:
    """The scores by run and prediction."""

    def __init__(self, predictions: MemoryPredictions | None = None) -> None:
        self.stored = predictions or MemoryPredictions()
        self.saved: dict[tuple[str, str], ShadowScore] = {}
        self.progresses: dict[tuple[str, str], ShadowProgress] = {}
        self.is_down = False

    def _up(self) -> None:
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")

    def predictions(self, table, since, until, about):
        self._up()
        found = [
            one for one in reversed(self.stored.predictions) if one.table == table and since <= one.made_at < until
        ]
        if len(found) < about:
            return NextPredictions(found, until)
        first, last = found[0].made_at, found[about - 1].made_at
        if first == last:
            return self.predictions(table, since, until, 2 * about)
        return NextPredictions([one for one in found[:about] if one.made_at < last], last)

    def save(self, scores):
        self._up()
        new = {(one.run_id, one.prediction_id): one for one in reversed(scores)}
        new = {key: one for key, one in new.items() if key not in self.saved}
        self.saved |= new
        return len(new)

    def scores(self, run_id, prediction_ids):
        self._up()
        return {known: self.saved[run_id, known] for known in prediction_ids if (run_id, known) in self.saved}

    def progress(self, table, run_id):
        self._up()
        return self.progresses.get((table, run_id))

    def save_progress(self, progress):
        self._up()
        self.progresses[progress.table, progress.run_id] = progress

    def close(self):
        pass
