"""The health of a table's models over time: blocks that the monitor stores, added up to a bounded number of points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock

MAX_TIMES = 150
"""Into so many stretches of time a history is cut at most: the older it is, the longer they are."""


@dataclass(frozen=True)
class HealthPoint:
    """One run in one stretch of time. Means are over rows; None, or nothing, is what is not known of that time.

    `distance` is the largest of the blocks', and `feature` the input that moved so far. `labels` came in that time,
    whenever their predictions were made; `measures` rest on them, `estimates` on the scores alone.
    """

    run_id: str
    since: datetime
    until: datetime
    rows: int
    mean_score: float | None
    distance: float | None
    feature: str | None
    labels: int
    mean_loss: float | None
    measures: Mapping[str, float]
    estimates: Mapping[str, float]

    @property
    def rows_a_minute(self) -> float:
        """How many predictions a minute there were."""
        return self.rows * 60 / max((self.until - self.since).total_seconds(), 1.0)


@dataclass
class _Mean:
    total: float = 0.0
    weight: float = 0.0

    def add(self, other: _Mean) -> None:
        self.total += other.total
        self.weight += other.weight

    @property
    def value(self) -> float | None:
        return self.total / self.weight if self.weight else None


@dataclass
class _Sums:
    since: datetime
    until: datetime
    rows: int = 0
    labels: int = 0
    distance: float | None = None
    feature: str | None = None
    score: _Mean = field(default_factory=_Mean)
    loss: _Mean = field(default_factory=_Mean)
    measures: dict[str, _Mean] = field(default_factory=dict)
    estimates: dict[str, _Mean] = field(default_factory=dict)

    def add(self, other: _Sums) -> None:
        self.since, self.until = min(self.since, other.since), max(self.until, other.until)
        self.rows += other.rows
        self.labels += other.labels
        if other.distance is not None and (self.distance is None or other.distance > self.distance):
            self.distance, self.feature = other.distance, other.feature
        self.score.add(other.score)
        self.loss.add(other.loss)
        for mine, theirs in ((self.measures, other.measures), (self.estimates, other.estimates)):
            for name, mean in theirs.items():
                mine.setdefault(name, _Mean()).add(mean)


class HealthTimeline:
    """Takes blocks of one type in any order, each once; MAX_TIMES and the number of runs bound its size."""

    def __init__(self) -> None:
        self._width_seconds = 1
        self._sums: dict[tuple[int, str], _Sums] = {}

    def add(self, block: Block | LossBlock) -> None:
        """Add a block of predictions, or of labelled ones."""
        self._place(block.run_id, _of_losses(block) if isinstance(block, LossBlock) else _of_predictions(block))
        while len({at for at, _ in self._sums}) > MAX_TIMES:
            self._width_seconds *= 2
            before, self._sums = self._sums, {}
            for (_, run_id), sums in before.items():
                self._place(run_id, sums)

    @property
    def points(self) -> list[HealthPoint]:
        """Every run in every stretch of time in which it has a block, in order of time."""
        found = sorted(self._sums.items(), key=lambda item: (item[1].since, item[0][1]))
        return [_point(run_id, sums) for (_, run_id), sums in found]

    def _place(self, run_id: str, sums: _Sums) -> None:
        key = (int(sums.since.timestamp()) // self._width_seconds, run_id)
        if key in self._sums:
            self._sums[key].add(sums)
        else:
            self._sums[key] = sums


def _of_predictions(block: Block) -> _Sums:
    weight = 0.0 if block.mean_score is None else float(block.rows)
    return _Sums(
        block.since.astimezone(UTC),
        block.until.astimezone(UTC),
        rows=block.rows,
        distance=block.distance,
        feature=block.feature,
        score=_Mean((block.mean_score or 0.0) * weight, weight),
        estimates=_means(block.estimates.items(), block.rows),
    )


def _of_losses(block: LossBlock) -> _Sums:
    return _Sums(
        block.since.astimezone(UTC),
        block.until.astimezone(UTC),
        labels=block.rows,
        loss=_Mean(block.mean_loss * block.rows, block.rows),
        measures=_means(block.measures.items(), block.rows),
    )


def _means(values: Iterable[tuple[str, float]], weight: int) -> dict[str, _Mean]:
    return {name: _Mean(value * weight, weight) for name, value in values}


def _point(run_id: str, sums: _Sums) -> HealthPoint:
    return HealthPoint(
        run_id=run_id,
        since=sums.since,
        until=sums.until,
        rows=sums.rows,
        mean_score=sums.score.value,
        distance=sums.distance,
        feature=sums.feature,
        labels=sums.labels,
        mean_loss=sums.loss.value,
        measures=_values(sums.measures),
        estimates=_values(sums.estimates),
    )


def _values(means: Mapping[str, _Mean]) -> dict[str, float]:
    return {name: mean.value for name, mean in means.items() if mean.value is not None}
