"""The one use case of all sources: rows in, predictions out, always by one verified bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

import numpy as np

from tabular.encoding.columns import ColumnCodec, Columns
from tabular.encoding.row import Row, matrix
from tabular.encoding.values import Value
from tabular.model.bundle import Bundle, Range
from tabular.model.scorer import Scorer
from tabular.predictions.batch import Named, PredictionBatch
from tabular.predictions.prediction import Prediction, Source, outcome


class Asked(NamedTuple):
    """How a row was asked for: under which id, and when, UTC, if it waited since then."""

    request_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Model:
    """A run and its bundle, ready to serve. Immutable: a new champion is a new Model.

    `scorer` is bit-identical to the bundle's own and may be faster.
    """

    run_id: str
    bundle: Bundle
    scorer: Scorer

    @property
    def table(self) -> str:
        """The name of the table, by its contract."""
        return self.bundle.contract.table.name

    def one(self, row: Row, known_as: str, source: Source, request_id: str | None = None) -> Prediction:
        """Score one row of this bundle's codec, the fastest way there is."""
        return self._prediction(row, known_as, source, self.scorer.one(row.codes), datetime.now(UTC), Asked(request_id))

    def rows(
        self, rows: Sequence[Row], ids: Sequence[str], source: Source, asked: Sequence[Asked] = ()
    ) -> list[Prediction]:
        """Score rows of this bundle's codec in one call; the predictions are in their order."""
        if not rows:
            return []
        scored, now = self.scorer.many(matrix(rows)).tolist(), datetime.now(UTC)
        every = zip(rows, ids, repeat(source), scored, repeat(now), asked or repeat(Asked()))
        return [self._prediction(*each) for each in every]

    def _prediction(
        self,
        row: Row,
        known_as: str,
        source: Source,
        scored: float | list[float],
        made_at: datetime,
        asked: Asked,
    ) -> Prediction:
        score, probabilities, winner = outcome(scored, self._classes)
        # A missing value is NaN: it is neither below nor above.
        outside = tuple(
            name for at, name, (low, high) in self._trained_ranges if row.codes[at] < low or row.codes[at] > high
        )
        return Prediction(
            id=known_as,
            made_at=made_at,
            table=self.table,
            run_id=self.run_id,
            contract=self.bundle.contract.digest,
            source=source,
            row=dict(zip(self.bundle.contract.feature_names, row.values, strict=True)),
            score=score,
            probabilities=probabilities,
            predicted_class=winner,
            unknown=row.unknown,
            out_of_range=outside,
            business_key=row.business_key,
            request_id=asked.request_id,
            asked_at=asked.at,
            warnings=self._warnings(row.values, row.codes, row.unknown, outside) if row.unknown or outside else (),
        )

    def many(
        self, columns: Columns, ids: Sequence[str], source: Source, request_id: str | None = None
    ) -> PredictionBatch:
        """Score rows of this bundle's codec together, in one vectorised call; the predictions are in their order."""
        outside = self._rows_out_of_range(columns)
        return PredictionBatch(
            ids=ids,
            made_at=datetime.now(UTC),
            table=self.table,
            run_id=self.run_id,
            contract=self.bundle.contract.digest,
            source=source,
            features=self.bundle.contract.feature_names,
            values=columns.values,
            scores=self.scorer.many(columns.matrix).tolist(),
            classes=self._classes,
            missing=self._missing(columns),
            unknown=dict(columns.unknown),
            out_of_range=outside,
            business_keys=columns.business_keys,
            request_id=request_id,
            warnings={
                at: self._warnings(
                    columns.row(at), columns.codes[at].tolist(), columns.unknown.get(at, ()), outside.get(at, ())
                )
                for at in sorted({*columns.unknown, *outside})
            },
        )

    @cached_property
    def columns(self) -> ColumnCodec:
        """Reads many rows at once, as the bundle's codec reads each."""
        return ColumnCodec(self.bundle.contract, self.bundle.codec)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        target = self.bundle.contract.target
        return () if target.positive else target.classes

    @cached_property
    def _trained_ranges(self) -> list[tuple[int, str, Range]]:
        names = self.bundle.contract.input_names
        return [(names.index(name), name, bounds) for name, bounds in self.bundle.profile.items()]

    def _missing(self, columns: Columns) -> dict[str, int]:
        # An unknown category is NaN to the model too; to look for None among the values would take ten times as long.
        names = self.bundle.contract.feature_names
        codes = columns.codes if columns.feature_codes is None else columns.feature_codes
        counts = dict(zip(names, np.isnan(codes).sum(axis=0).tolist(), strict=True))
        for unknown in columns.unknown.values():
            for name in unknown:
                counts[name] -= 1
        return {name: count for name, count in counts.items() if count}

    def _rows_out_of_range(self, columns: Columns) -> Named:
        # A whole column is in its range if its ends are, and most are: fmin and fmax pass missing values by.
        found: Named = {}
        low, high = np.fmin.reduce(columns.codes), np.fmax.reduce(columns.codes)
        for at, name, bounds in self._trained_ranges:
            if low[at] < bounds[0] or high[at] > bounds[1]:
                column = columns.codes[:, at]
                for position in np.flatnonzero((column < bounds[0]) | (column > bounds[1])).tolist():
                    found[position] = (*found.get(position, ()), name)
        return found

    def _warnings(
        self, row: Sequence[Value], codes: Sequence[float], unknown: Sequence[str], outside: Sequence[str]
    ) -> tuple[str, ...]:
        contract = self.bundle.contract
        values: dict[str, Value] = dict(zip(contract.input_names, codes, strict=True))
        values |= zip(contract.feature_names, row, strict=True)
        not_known = [f"{name}: {values[name]!r} is not a known value, so it was treated as missing" for name in unknown]
        beyond = [
            f"{name}: {values[name]} is outside the range the model was trained on, "
            f"{self.bundle.profile[name][0]:g} to {self.bundle.profile[name][1]:g}"
            for name in outside
        ]
        return (*not_known, *beyond)


def ready_model(run_id: str, bundle: Bundle) -> Model:
    """A model with the fastest scorer that this machine and the model's family allow."""
    return Model(run_id, bundle, bundle.compiled_scorer())
