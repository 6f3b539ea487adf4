"""One commit of the outbox for all predictions of a poll cycle: their answers are sent after it, none before.

    group.add(predictions, ...) by each request of the cycle
    group.commit()              by the server, once; only then are the answers sent
    group.fail(error)           by the server, when that failed: the requests run again and now meet the error

Not for several threads: a cycle is run by one.
"""

from __future__ import annotations

from time import perf_counter

from server.api_metrics import SINGLE, ApiMetrics
from server.outbox import Outbox
from tabular.errors import Unavailable
from tabular.prediction import Prediction

ENVIRON_KEY = "server.group_commit"


class GroupCommit:
    """The predictions of the present cycle, and what is to be counted once they are on disk."""

    def __init__(self, outbox: Outbox, metrics: ApiMetrics) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._predictions: list[Prediction] = []
        self._started: list[float] = []
        self._failure: Unavailable | None = None

    def __len__(self) -> int:
        return len(self._predictions)

    def add(self, prediction: Prediction, started: float) -> None:
        """Have it written with the cycle, for a request begun then; raises what `fail` was given."""
        if self._failure is not None:
            raise self._failure
        self._predictions.append(prediction)
        self._started.append(started)

    def commit(self) -> None:
        """Write all that was added as one page, and count it; raises Unavailable, and then nothing is written."""
        predictions, started = self._predictions, self._started
        if not predictions:
            return
        self._predictions, self._started = [], []
        self._outbox.append(predictions)
        now = perf_counter()
        self._metrics.rows(predictions)
        self._metrics.answered(SINGLE, [now - each for each in started])

    def fail(self, error: Unavailable | None) -> None:
        """Have `add` raise this error, or no longer."""
        self._failure = error
