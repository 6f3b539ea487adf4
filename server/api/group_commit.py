"""One commit of the outbox for all predictions of a turn of the event loop; their answers are sent after it.

It is what Redis does with `appendfsync always`: one write of the log before the answers of one turn of its event loop
(redis.io, "Redis persistence").
"""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter

from server.api.metrics import SINGLE, ApiMetrics
from server.outbox import Outbox
from tabular.errors import Unavailable
from tabular.prediction import Prediction

log = logging.getLogger(__name__)

MOST = 32
"""A commit costs about as much as a request; beyond this the first would only wait longer for the last."""


class GroupCommit:
    """The predictions of the present turn. For the event loop's thread alone."""

    def __init__(self, outbox: Outbox, metrics: ApiMetrics) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._predictions: list[Prediction] = []
        self._started: list[float] = []
        self._done: asyncio.Future[Unavailable | None] | None = None

    async def written(self, prediction: Prediction, started: float) -> None:
        """Return once the prediction is on disk, and count its request, begun then; raises Unavailable if it is not."""
        if self._done is None:
            loop = asyncio.get_running_loop()
            self._done = loop.create_future()
            loop.call_soon(self._commit)
        done = self._done
        self._predictions.append(prediction)
        self._started.append(started)
        if len(self._predictions) >= MOST:
            self._commit()
        if (failure := await done) is not None:
            raise Unavailable(failure.service, failure.why, failure.retry_after_seconds)

    def _commit(self) -> None:
        done, predictions, started = self._done, self._predictions, self._started
        if done is None:  # the turn was full before its end
            return
        self._done, self._predictions, self._started = None, [], []
        failure = self._append(predictions)
        done.set_result(failure)  # first: whatever counting does, they are on disk and answered
        if failure is None:
            now = perf_counter()
            self._metrics.rows(predictions)
            self._metrics.answered(SINGLE, [now - each for each in started])

    def _append(self, predictions: list[Prediction]) -> Unavailable | None:
        try:
            self._outbox.append(predictions)
        except Unavailable as error:
            return error.with_traceback(None)
        except Exception:
            log.exception("the predictions of a turn could not be written")
            return Unavailable("the outbox", "it failed in an unforeseen way")
        return None
