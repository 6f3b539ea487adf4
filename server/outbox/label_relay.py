"""The labels of the outbox on their way into the store, those that wait for their prediction, and what became of all.

The relay has a process of its own, so that what it counts is left in a file, where the API's metrics read it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from server.outbox.rejections import Rejections, save_all
from tabular.errors import Rejected
from tabular.labels.intake import LabelIntake
from tabular.ports.labels import LabelCounts, LabelWriter
from tabular.ports.ledger import Ledger
from tabular.predictions.label import Label, LabelSource

log = logging.getLogger(__name__)

TURN_SECONDS = 2.0
COUNTS_FILE = "labels.json"


class CountedLabels(msgspec.Struct, frozen=True):
    """What became of labels of one table and source since the outbox was made."""

    table: str
    source: LabelSource
    counts: LabelCounts


class LabelFigures(msgspec.Struct, frozen=True):
    """What became of labels, and how many wait for their prediction now."""

    counted: tuple[CountedLabels, ...] = ()
    waiting: int = 0


def read_figures(folder: Path) -> LabelFigures:
    """The figures that the relay left in the outbox's folder; none if there are none, or they cannot be read."""
    try:
        return msgspec.json.decode((folder / COUNTS_FILE).read_bytes(), type=LabelFigures)
    except FileNotFoundError:
        return LabelFigures()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("the counts of labels cannot be read, and begin anew: %s", error)
        return LabelFigures()


class LabelRelay:
    """Saves labels, and every few seconds tries those that wait. For the relay's thread alone."""

    def __init__(
        self, folder: Path, store: LabelWriter, ledger: Ledger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._intake = LabelIntake(store, ledger, clock)
        self._before = {(one.table, one.source): one.counts for one in read_figures(folder).counted}
        self._next_turn_seconds = 0.0
        self._noted: LabelFigures | None = None

    def save(self, labels: Sequence[Label]) -> Rejections:
        """Save labels; returns those that can never be stored, each with the reason. Raises Unavailable."""
        return save_all(self._intake.save, labels) if labels else []

    def turn(self) -> bool:
        """If it is time: attach what waited, note what became of labels, enter it into the ledger; whether it was."""
        if self._clock() < self._next_turn_seconds:
            return False
        self._next_turn_seconds = self._clock() + TURN_SECONDS
        try:
            self._intake.attach_waiting()
            self._intake.enter()
        except Rejected as error:  # it must hold up no prediction
            log.error("labels that wait could not be attached or entered into the ledger: %s", error)
        self._note()
        return True

    def _note(self) -> None:
        origins = sorted({*self._before, *self._intake.counts})
        counted = tuple(
            CountedLabels(
                *origin,
                self._before.get(origin, LabelCounts()).plus(self._intake.counts.get(origin, LabelCounts())),
            )
            for origin in origins
        )
        figures, file = LabelFigures(counted, self._store.count_waiting()), self._folder / f"{COUNTS_FILE}.new"
        if figures == self._noted:
            return
        self._noted = figures
        try:
            file.write_bytes(msgspec.json.encode(figures))
            file.replace(self._folder / COUNTS_FILE)
        except OSError as error:
            log.warning("what became of labels could not be noted for the metrics: %s", error)
