"""A comparison of data sets as data: what moved in each of them against what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reporting.charts import Bin, Histogram
from reporting.comparison.pairing import Pair
from reporting.comparison.rows import Rows
from tabular.contract.types import Contract
from tabular.quality.drift import ColumnDrift, Drift
from tabular.quality.labelled.measured import Measured
from tabular.quality.row_counts import TooFewRows

MAX_PLOTS = 96
"""Plots of features on a page of several data sets: what fits into 300 kB, and what somebody looks at."""
MIN_FEATURES_DRAWN = 4

Plot = Histogram | Sequence[Bin]


@dataclass(frozen=True)
class Compared:
    """One data set with what was found in it."""

    pair: Pair
    drift: Drift | TooFewRows

    @property
    def name(self) -> str:
        """What to call the data set."""
        return self.pair.current.name

    @property
    def known(self) -> Drift | None:
        """The drift, None where rows are too few."""
        return None if isinstance(self.drift, TooFewRows) else self.drift

    @property
    def has_drift(self) -> bool:
        """True if a feature, the scores, the target or the mix of predicted classes drifted."""
        return bool(self.moved)

    @property
    def moved(self) -> tuple[str, ...]:
        """What drifted: features in contract order, then what stands beside them."""
        found = self.known
        if found is None:
            return ()
        target = ("the target",) if found.target is not None and found.target.drifted else ()
        return (*found.drifted_columns, *found.drifted_scores, *target)

    @property
    def finding(self) -> str:
        """The finding in one plain sentence."""
        if isinstance(self.drift, TooFewRows):
            return f"Not compared: {self.drift.have} rows on one side, {self.drift.need} are needed."
        names = self.moved
        if not names:
            return f"No drift: none of the {len(self.drift.columns)} features moved, nor did what stands beside them."
        listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return f"Drift: {len(self.drift.drifted_columns)} of {len(self.drift.columns)} features moved ({listed})."


@dataclass(frozen=True)
class LabelledSet:
    """Predictions with how many of them have a true label, and what was measured; None where too few have one."""

    name: str
    labels: int
    measured: Measured | None


@dataclass(frozen=True)
class ColumnRow:
    """One feature, the scores or the target in each data set: None where it was not compared there."""

    name: str
    description: str
    found: Sequence[ColumnDrift | None]
    changes: Sequence[str]
    plots: Sequence[Plot | None]

    @property
    def severity(self) -> tuple[bool, float]:
        """How much it moved where it moved most: what rows are ranked by."""
        return max(((one.drifted, one.severity) for one in self.found if one is not None), default=(False, 0.0))


@dataclass(frozen=True)
class Comparison:
    """Everything that the page of a comparison shows; `columns` are ranked, the most moved first.

    `measured` is the quality of what are predictions, by `metric`.
    """

    title: str
    made_at: datetime
    contract: Contract
    sets: Sequence[Compared]
    columns: Sequence[ColumnRow]
    beside: Sequence[ColumnRow]
    measured: Sequence[LabelledSet]
    metric: str

    @property
    def has_labels(self) -> bool:
        """True if something can be said of quality."""
        return any(one.labels for one in self.measured)

    @property
    def references(self) -> Sequence[Rows]:
        """What the data sets are compared with, each once."""
        return list({one.pair.reference.name: one.pair.reference for one in self.sets}.values())

    @property
    def has_drift(self) -> bool:
        """True if something drifted in one of the data sets."""
        return any(one.has_drift for one in self.sets)

    @property
    def synthetic(self) -> bool:
        """True if synthetic data are in it: they say nothing of a real table."""
        return any(rows.synthetic for one in self.sets for rows in (one.pair.reference, one.pair.current))

    @property
    def drawn(self) -> Sequence[ColumnRow]:
        """The features that are drawn: all of one data set, of several those that moved most."""
        if len(self.sets) == 1:
            return self.columns
        return self.columns[: max(MIN_FEATURES_DRAWN, MAX_PLOTS // len(self.sets))]

    @property
    def finding(self) -> str:
        """The finding in one plain sentence."""
        if len(self.sets) == 1:
            return self.sets[0].finding
        known = [one for one in self.sets if one.known is not None]
        moved = [one for one in known if one.has_drift]
        few = f" {len(self.sets) - len(known)} have too few rows." if len(known) < len(self.sets) else ""
        if not moved:
            return f"No drift in any of the {len(known)} data sets that were compared.{few}"
        most = max(moved, key=lambda one: len(one.moved))
        return f"Drift in {len(moved)} of {len(known)} data sets, most in {most.name}.{few}"
