"""One commit of the outbox for all predictions of a turn of the event loop; their responses are sent after it.

It is what Redis does with `appendfsync always`: one write of the log before the replies of one turn of its event loop
(redis.io, "Redis persistence").
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from server.outbox.idempotency import KeptResponse
from server.outbox.queue import Outbox
from tabular.errors import Unavailable
from tabular.predictions.prediction import Prediction

log = logging.getLogger(__name__)

MAX_PREDICTIONS = 32
"""A commit costs about as much as a request; beyond this the first would only wait longer for the last."""


class GroupCommit:
    """The predictions of the present turn. For the event loop's thread alone."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._turn = _Turn()

    async def append(self, prediction: Prediction, kept: KeptResponse | None = None) -> KeptResponse | None:
        """Return once the prediction is on disk; raises Unavailable if it is not.

        With a response to be kept, returns the one that stands: another one if its key was used before, and then the
        prediction was not written.
        """
        turn = self._turn
        if turn.done is None:
            loop = asyncio.get_running_loop()
            turn.done = loop.create_future()
            loop.call_soon(self._commit, turn)
        done = turn.done
        turn.predictions.append(prediction)
        if kept is not None:
            turn.kept.append(kept)
        if len(turn.predictions) >= MAX_PREDICTIONS:
            self._commit(turn)
        outcome = await done
        if isinstance(outcome, Unavailable):
            raise Unavailable(outcome.service, outcome.why, outcome.retry_after_seconds)
        return None if kept is None else outcome[kept.id]

    def _commit(self, turn: _Turn) -> None:
        if turn is not self._turn or turn.done is None:  # it was full before its end
            return
        self._turn = _Turn()
        turn.done.set_result(self._write(turn))

    def _write(self, turn: _Turn) -> Mapping[str, KeptResponse] | Unavailable:
        try:
            if turn.kept:
                return self._outbox.append_keyed(turn.predictions, turn.kept)
            self._outbox.append(turn.predictions)
        except Unavailable as error:
            return error.with_traceback(None)
        except Exception:
            log.exception("the predictions of a turn could not be written")
            return Unavailable("the outbox", "it failed in an unforeseen way")
        return {}


class _Turn:
    """What comes within one turn of the loop; `done` is what its requests await."""

    __slots__ = ("done", "kept", "predictions")

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.kept: list[KeptResponse] = []
        self.done: asyncio.Future[Mapping[str, KeptResponse] | Unavailable] | None = None
