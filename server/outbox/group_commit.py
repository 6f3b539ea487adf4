"""One commit of the outbox for all predictions of a turn of the event loop; their answers are sent after it.

It is what Redis does with `appendfsync always`: one write of the log before the answers of one turn of its event loop
(redis.io, "Redis persistence").
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import perf_counter

from server.api.metrics import SINGLE, ApiMetrics
from server.outbox.idempotency import KeptAnswer
from server.outbox.queue import Outbox
from tabular.errors import Unavailable
from tabular.predictions.prediction import Prediction

log = logging.getLogger(__name__)

MOST = 32
"""A commit costs about as much as a request; beyond this the first would only wait longer for the last."""


class GroupCommit:
    """The predictions of the present turn. For the event loop's thread alone."""

    def __init__(self, outbox: Outbox, metrics: ApiMetrics) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._turn = _Turn()

    async def written(
        self, prediction: Prediction, started: float, answer: KeptAnswer | None = None
    ) -> KeptAnswer | None:
        """Return once the prediction is on disk, and count its request, begun then; raises Unavailable if it is not.

        With an answer to be kept, returns the one that stands: another one if its key was used before, and then the
        prediction was not written.
        """
        turn = self._turn
        if turn.done is None:
            loop = asyncio.get_running_loop()
            turn.done = loop.create_future()
            loop.call_soon(self._commit, turn)
        done = turn.done
        turn.predictions.append(prediction)
        turn.started.append(started)
        if answer is not None:
            turn.answers.append(answer)
        if len(turn.predictions) >= MOST:
            self._commit(turn)
        outcome = await done
        if isinstance(outcome, Unavailable):
            raise Unavailable(outcome.service, outcome.why, outcome.retry_after_seconds)
        return None if answer is None else outcome[answer.id]

    def _commit(self, turn: _Turn) -> None:
        if turn is not self._turn or turn.done is None:  # it was full before its end
            return
        self._turn = _Turn()
        outcome, written = self._append(turn)
        turn.done.set_result(outcome)  # first: whatever counting does, they are on disk and answered
        if not isinstance(outcome, Unavailable):
            now = perf_counter()
            self._metrics.rows(written)
            self._metrics.answered(SINGLE, [now - each for each in turn.started[: len(written)]])

    def _append(self, turn: _Turn) -> tuple[Mapping[str, KeptAnswer] | Unavailable, Sequence[Prediction]]:
        try:
            if turn.answers:
                return self._outbox.append_keyed(turn.predictions, turn.answers)
            self._outbox.append(turn.predictions)
        except Unavailable as error:
            return error.with_traceback(None), ()
        except Exception:
            log.exception("the predictions of a turn could not be written")
            return Unavailable("the outbox", "it failed in an unforeseen way"), ()
        return {}, turn.predictions


class _Turn:
    """What comes within one turn of the loop; `done` is what its requests await."""

    __slots__ = ("answers", "done", "predictions", "started")

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.started: list[float] = []
        self.answers: list[KeptAnswer] = []
        self.done: asyncio.Future[Mapping[str, KeptAnswer] | Unavailable] | None = None
