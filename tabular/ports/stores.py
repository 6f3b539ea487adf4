"""What the domain asks of the outside world; `tabular/adapters` answers, one vendor a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample

UNKNOWN_SOURCE = "unknown"
"""Where `count_by_source` counts the documents that no source of ours wrote, with no table."""


class Objects(Protocol):
    """A bucket of immutable objects. Raises Unavailable, or NotFound for a key that does not exist."""

    def put(self, key: str, body: bytes) -> None:
        """Store the bytes under the key, replacing what stood there."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes under the key."""
        ...

    def exists(self, key: str) -> bool:
        """True if something is stored under the key."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with the prefix, sorted."""
        ...

    def ensure_bucket(self) -> None:
        """Create the bucket if it is not there."""
        ...


class ModelStore(Protocol):
    """What a reader needs of the model registry. Raises Unavailable, or NotFound for an unknown run or alias."""

    def champion(self) -> str:
        """The run id that the alias `champion` stands on."""
        ...

    def fetch_bundle(self, run_id: str, folder: Path) -> None:
        """Download the run's bundle into the empty folder."""
        ...


@dataclass(frozen=True)
class StreamRecord:
    """One record read from a stream; `arrived_at` is the stream's own time, UTC.

    `stream` also tells when the stream was made: a second one of the same name may number its records alike.
    """

    stream: str
    shard: str
    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: datetime


class Predictions(Protocol):
    """The prediction store. Raises Unavailable; every write is idempotent by id: the first one stands."""

    def save(self, predictions: Sequence[Prediction]) -> int:
        """Store what is not there yet, in bulk; returns how many were new."""
        ...

    def latest(self, limit: int, run_id: str | None = None, until: datetime | None = None) -> list[Prediction]:
        """The newest predictions, newest first; with `until`, those with made_at < until."""
        ...

    def runs(self, since: datetime | None, until: datetime, most: int, newest: int | None = None) -> Counter[str]:
        """Which runs made the predictions of that time (the `newest` so many), and about how many: `most` are read."""
        ...

    def count_since(self, since: datetime, most: int) -> int:
        """How many documents have since <= made_at; `most` if there are more."""
        ...

    def between(self, since: datetime, until: datetime, limit: int) -> list[Prediction]:
        """The predictions with since <= made_at < until, newest first, at most `limit`."""
        ...

    def sample_latest(self, newest: int, most: int, run_id: str, until: datetime | None = None) -> Sample:
        """The `newest` so many predictions of a run (before `until`), or a uniform sample of them: at most `most`."""
        ...

    def sample_between(self, since: datetime, until: datetime, most: int, run_id: str) -> Sample:
        """The predictions of a run with since <= made_at < until, or a uniform sample of them: at most `most`."""
        ...

    def about_others_between(self, since: datetime, until: datetime, run_id: str) -> int:
        """How many predictions other runs made in that time: exact if they are few, else about."""
        ...

    @property
    def unreadable(self) -> int:
        """How many documents were read and left out because they are no predictions; each counts once."""
        ...

    def count_by_source(self) -> dict[tuple[str, str], int]:
        """How many predictions each source has stored of each table; UNKNOWN_SOURCE counts what none of them wrote."""
        ...

    def save_report(self, report: Mapping[str, Any]) -> None:
        """Store one report's row, by its `_id`."""
        ...

    def reports(self, limit: int) -> list[dict[str, Any]]:
        """The newest report rows, newest first."""
        ...

    def set_labels(self, labels: Iterable[tuple[str, str | float]]) -> int:
        """Attach true outcomes to stored predictions, by id; returns how many were found."""
        ...


@dataclass(frozen=True)
class Lease:
    """Who reads a shard, and how far it is dealt with; the term goes up each time somebody takes it (0: nobody has)."""

    owner: str | None
    term: int
    position: Mapping[str, Any] | None


class LeaseStore(Protocol):
    """The leases of a stream's shards, with the positions in them, and who is alive. Raises Unavailable."""

    def beat(self, stream: str, name: str) -> None:
        """Write down that the consumer is alive: any number that differs from the last."""
        ...

    def beats(self, stream: str) -> dict[str, int]:
        """The last beat of every consumer that has not left, by its name."""
        ...

    def leave(self, stream: str, name: str, beat: int | None = None) -> None:
        """Forget a consumer, if its last beat is this one still or none is given."""
        ...

    def leases(self, stream: str) -> dict[str, Lease]:
        """Every lease, by shard."""
        ...

    def take(self, stream: str, shard: str, seen: Lease | None, owner: str) -> Lease | None:
        """Make it the owner's, in a new term, if it is still as it was seen; None if it is not."""
        ...

    def release(self, stream: str, shard: str, owner: str, term: int) -> None:
        """Give it up, if it is still held."""
        ...

    def save_positions(
        self, stream: str, owner: str, terms: Mapping[str, int], positions: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        """Save the position of each shard that the owner still holds in that term; returns these shards."""
        ...
