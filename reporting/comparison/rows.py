"""The rows of one data set of a report, whatever they come from, and parts of them: a slice, a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reporting.comparison.source import Slice
from tabular.errors import InvalidSetting
from tabular.model.bundle import Bundle
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample
from tabular.quality.slices import MISSING, labels_of

MAX_SLICES = 12
"""Values of a slice that are shown by themselves, those with the most rows."""


@dataclass(frozen=True)
class Rows:
    """A data set: what to call it, and its n rows shaped like `Bundle.reference()`; what it lacks of that is left out.

    `labels` has what a slice is called by of each row, for the columns that are asked for. Predictions have their
    `bundle`, are those of the `sample`, row by row, and have the `period` (UTC) that was asked for, if one was.
    `detail` says where rows of a table come from, and how predictions were sampled.
    """

    name: str
    frame: pd.DataFrame
    labels: dict[str, NDArray[Any]]
    detail: str = ""
    sample: Sample | None = None
    bundle: Bundle | None = None
    period: tuple[datetime, datetime] | None = None
    synthetic: bool = False

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def predictions(self) -> Sequence[Prediction]:
        """The predictions that the rows are; none of a table's."""
        return () if self.sample is None else self.sample.predictions

    @property
    def description(self) -> str:
        """What else is to be known of the rows."""
        if not self.predictions:
            return self.detail
        newest, oldest = self.predictions[0], self.predictions[-1]
        form = "%d %b %Y, %H:%M:%S"
        made = f"made from {oldest.made_at:{form}} to {newest.made_at:{form}} UTC by the run {newest.run_id}"
        return f"{made}; {self.detail}" if self.detail else made

    @property
    def row_count(self) -> str:
        """How many rows the data set has; an estimate if it is of a sample."""
        if self.sample is None or self.sample.is_whole:
            return f"{len(self):,}"
        return f"about {self.sample.rows:,}"

    def take(self, at: NDArray[np.int64], name: str) -> Rows:
        """The rows at these positions, under another name."""
        sample = None
        if self.sample is not None:
            sample = replace(self.sample, predictions=[self.sample.predictions[row] for row in at.tolist()], left_out=0)
        labels = {column: each[at] for column, each in self.labels.items()}
        return replace(self, name=name, frame=self.frame.iloc[at], labels=labels, sample=sample)

    def sliced(self, wanted: Slice | None) -> Rows:
        """The rows of a slice, all of them for none; raises InvalidSetting if it has no row."""
        if wanted is None or wanted.value is None:
            return self
        of_slice = self.labels[wanted.column] == wanted.value
        if not of_slice.any():
            there = ", ".join(repr(value) for value in self.values_of(wanted.column))
            raise InvalidSetting(
                f"slice={wanted.column}={wanted.value}: {self.name} has no such row. The values of {wanted.column} "
                f"with the most rows there are {there}"
            )
        return self.take(np.flatnonzero(of_slice), f"{self.name}, {wanted}")

    def values_of(self, column: str) -> list[str]:
        """The values of a column with the most rows, in order."""
        values, counts = np.unique(self.labels[column].astype(str), return_counts=True)
        most = sorted(zip(counts.tolist(), values.tolist(), strict=True), key=lambda one: (-one[0], one[1]))
        return sorted(value for _, value in most[:MAX_SLICES] if value != MISSING)

    def windows(self, count: int) -> list[Rows]:
        """Predictions cut into so many windows, oldest first: equally long ones of a period, else of equally many rows.

        A window without any row is left out.
        """
        made = np.array([one.made_at.timestamp() for one in self.predictions])
        if self.period is None:
            groups = np.array_split(np.argsort(made, kind="stable"), count)
            named = [
                (group, *(self.predictions[group[at]].made_at for at in (0, -1))) for group in groups if len(group)
            ]
        else:
            since, until = self.period
            edges = [since + (until - since) * at / count for at in range(count + 1)]
            at = np.searchsorted([edge.timestamp() for edge in edges[1:-1]], made, side="right")
            named = [(np.flatnonzero(at == one), *edges[one : one + 2]) for one in range(count)]
        return [self.take(np.sort(group), _span(*times)) for group, *times in named if len(group)]


def _span(since: datetime, until: datetime) -> str:
    if since.date() == until.date():
        return f"{since:%d %b %H:%M:%S} to {until:%H:%M:%S}"
    form = "%d %b %Y" if (until - since).total_seconds() >= 86_400 * 2 else "%d %b %H:%M"
    return f"{since:{form}} to {until:{form}}"


def labels_in(frame: pd.DataFrame, columns: Sequence[str], of_what: str) -> dict[str, NDArray[Any]]:
    """What slices are called by in these columns of canonical values; raises InvalidSetting for one that is absent."""
    if absent := [column for column in columns if column not in frame]:
        raise InvalidSetting(
            f"slice={absent[0]}: {of_what} holds no such column. Its columns are {', '.join(map(str, frame.columns))}"
        )
    return {column: labels_of(frame[column]) for column in columns}
