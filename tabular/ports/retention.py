"""What deletes from the prediction store: in batches, each whole in itself, so that whoever is killed goes on later."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from tabular.ledger.entry import Kind


class RetentionStore(Protocol):
    """Each method counts, or deletes, at most `most` of the oldest; none left is 0. Raises Unavailable."""

    def count_predictions(self, table: str, before: datetime, most: int) -> int:
        """How many predictions of a table were made before then; `most` if there are more."""

    def delete_predictions(self, table: str, before: datetime, most: int) -> int:
        """Delete predictions made before then, each after what its business key says of it."""

    def delete_labels(self, table: str, before: datetime, most: int) -> int:
        """Delete what the history says of labels attached before then, and of orphans received before then."""

    def count_shadow_scores(self, table: str, before: datetime, most: int, but: Collection[str] = ()) -> int:
        """How many scores the shadow has of predictions made before then, but for those of these runs."""

    def delete_shadow_scores(self, table: str, before: datetime, most: int, but: Collection[str] = ()) -> int:
        """Delete scores that the shadow has of predictions made before then, but for those of these runs."""

    def runs(self) -> set[str]:
        """Every run that made a prediction which is stored."""

    def count_entries(self, table: str, before: datetime, kinds: Collection[Kind], most: int) -> int:
        """How many entries the ledger has of these kinds from before then; `most` if there are more."""

    def delete_entries(self, table: str, before: datetime, kinds: Collection[Kind], most: int) -> int:
        """Delete entries of the ledger of these kinds from before then."""

    def close(self) -> None:
        """Close the connections."""


class OldRun(NamedTuple):
    """A run of training, and that of the sweep which it is a trial of, if it is one."""

    run_id: str
    parent_id: str | None


class OldRuns(Protocol):
    """The runs of one table. Raises Unavailable, or NotFound for a run that is not there."""

    def ended_before(self, before: datetime) -> list[OldRun]:
        """Every run that ended before then and is not deleted, the oldest first."""

    def registered(self) -> set[str]:
        """The runs that are a version of the model."""

    def delete_run(self, run_id: str) -> None:
        """Delete a run; deleted ones are not found any more."""
