"""The prediction store: one port for writing and one for reading. A report's row is kept beside the predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample

UNKNOWN_SOURCE = "unknown"
"""Where `count_by_source` counts the documents that no source of ours wrote, with no table."""


class PredictionWriter(Protocol):
    """What writes predictions and the reports' rows. Raises Unavailable; every write is idempotent."""

    def save(self, predictions: Sequence[Prediction]) -> int:
        """Store what is not there yet by its id, in bulk; the first one stands. Returns how many were new."""

    def save_report(self, report: Mapping[str, Any]) -> None:
        """Store one report's row, by its `_id`."""


class PredictionReader(Protocol):
    """What reads them, of one table where one is named, else of all. Raises Unavailable."""

    def latest(
        self, limit: int, run_id: str | None = None, until: datetime | None = None, table: str | None = None
    ) -> list[Prediction]:
        """The newest predictions, newest first; with `until`, those with made_at < until."""

    def get(self, prediction_id: str) -> Prediction | None:
        """One prediction by its id; None if none is stored, or what is stored under it is none."""

    def runs(
        self, since: datetime | None, until: datetime, most: int, newest: int | None = None, table: str | None = None
    ) -> Counter[str]:
        """Which runs made the predictions of that time (the `newest` so many), and about how many: `most` are read."""

    def by_minute(
        self, since: datetime, until: datetime, most: int, table: str | None = None
    ) -> Counter[tuple[datetime, str]]:
        """About how many predictions each source made in each minute with since <= made_at < until: `most` are read."""

    def count_since(self, since: datetime, most: int, table: str | None = None) -> int:
        """How many documents have since <= made_at; `most` if there are more."""

    def sample_latest(self, newest: int, most: int, run_id: str, until: datetime | None = None) -> Sample:
        """The `newest` so many predictions of a run (before `until`), or a uniform sample of them: at most `most`."""

    def sample_between(self, since: datetime, until: datetime, most: int, run_id: str) -> Sample:
        """The predictions of a run with since <= made_at < until, or a uniform sample of them: at most `most`."""

    def labelled_between(self, since: datetime, until: datetime, most: int, run_id: str) -> Sample:
        """The predictions of a run with since <= labelled_at < until, or a uniform sample of them: at most `most`.

        The oldest label first. What is being attached at this moment may bear a time of a second ago: who reads on from
        where it ended reads up to some seconds ago.
        """

    def labelled_latest(self, newest: int, run_id: str, until: datetime | None = None) -> list[Prediction]:
        """The `newest` so many labelled predictions of a run, the newest label first (with labelled_at < until)."""

    def about_others_between(self, since: datetime, until: datetime, run_id: str, table: str | None = None) -> int:
        """How many predictions other runs made in that time: exact if they are few, else about."""

    @property
    def unreadable(self) -> int:
        """How many documents were read and left out because they are no predictions; each counts once."""

    def count_by_source(self) -> dict[tuple[str, str], int]:
        """How many predictions each source has stored of each table; UNKNOWN_SOURCE counts what none of them wrote."""

    def reports(self, limit: int, table: str | None = None) -> list[dict[str, Any]]:
        """The newest report rows, newest first."""


class PredictionStore(PredictionReader, PredictionWriter, Protocol):
    """Both in one, for who reads predictions to write a report."""
