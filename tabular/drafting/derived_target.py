"""A target that no column holds: the minutes between two of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabular.contract.types import Target
from tabular.data.column_names import absent_column
from tabular.drafting.choice import Choice
from tabular.drafting.column import ColumnProfile, share
from tabular.drafting.dates import Datetimes, datetimes_in
from tabular.drafting.target import MAX_INVALID_SHARE, TargetChoice
from tabular.encoding.dates import MINUTE_US
from tabular.errors import Fault, InvalidTable

DEFAULT_NAME = "minutes"
LATER_SHARE = 0.99
"""So large a share of the rows has a datetime after the beginning, where it is taken for one known only afterwards."""
ALLOWED = "dates and times in ISO 8601, with a time zone everywhere or nowhere"


class DerivedTarget:
    """The minutes from column `begin` to column `end`, of which those within `keep` are kept."""

    def __init__(
        self, raw: pd.DataFrame, columns: dict[str, ColumnProfile], target: Target, between: tuple[str, str]
    ) -> None:
        """Raises InvalidTable naming the column that is not there, or holds something else than moments."""
        self._target, (self._begin, self._end) = target, between
        absent = [absent_column(name, list(columns)) for name in (self._begin, self._end) if name not in columns]
        if target.column in columns:
            absent.append(Fault(target.column, "is a column of the table", "target= a name of its own"))
        if absent:
            raise InvalidTable("no contract can be drafted", absent)
        self._raw, self._columns = raw, columns
        first, last = (_require_moments(columns[name]) for name in (self._begin, self._end))
        if first.has_zone != last.has_zone:
            raise InvalidTable("no contract can be drafted", [Fault(self._end, f"unlike {self._begin}", ALLOWED)])
        self._begins = _of_rows(raw[self._begin], first)
        self._minutes = (_of_rows(raw[self._end], last) - self._begins) / MINUTE_US

    def choice(self) -> TargetChoice:
        """The regression; raises InvalidTable if too many rows have no target, or no row is kept."""
        unknown, rows = int(self._minutes.isna().sum()), len(self._raw)
        if unknown > MAX_INVALID_SHARE * rows:
            problem = f"or {self._end} has no value in {share(unknown, rows)}"
            raise InvalidTable("no contract can be drafted", [Fault(self._begin, problem, "both in nearly every row")])
        doubts = [f"{self._end} is no feature: it is known only when the target is"]
        if self._target.keep is None:
            low, high = self._minutes.quantile([0.01, 0.99])
            doubts.append(
                f"one row in a hundred has less than {low:,.4g} minutes, and one more than {high:,.4g}. If these are "
                "faults of the clock, write keep = [lowest, highest]"
            )
        else:
            kept = int(self._minutes.between(*self._target.keep).sum())
            if not kept:
                raise InvalidTable("no contract can be drafted", [Fault("keep", "keeps no row", "other limits")])
            doubts.append(f"{share(rows - kept - unknown, rows)} lie outside of keep, and are left out")
        lowest, highest = self._minutes.min(), self._minutes.max()
        reason = f"the minutes from {self._begin} to {self._end}, {lowest:,.4g} to {highest:,.4g}"
        return TargetChoice("regression", self._target, reason, tuple(doubts), unknown)

    def left_out(self, column: str) -> Choice | None:
        """The column if it is the end, or a datetime that is nearly always after the beginning; None for others."""
        if column == self._end:
            return Choice(column, left_out="it is where the target ends, and is known only when the target is")
        moments = None if column == self._begin else datetimes_in(self._columns[column])
        if moments is None:
            return None
        at = _of_rows(self._raw[column], moments)
        is_known = at.notna() & self._begins.notna()
        is_later = (at > self._begins)[is_known]
        if not len(is_later) or is_later.mean() < LATER_SHARE:
            return None
        why = f"in {is_later.mean():.0%} of the rows it is later than {self._begin}, so that it may be known only after"
        return Choice(column, left_out=f"{why} the prediction. If it is known before, make it a feature")


def _require_moments(column: ColumnProfile) -> Datetimes:
    moments = datetimes_in(column)
    if moments is None:
        raise InvalidTable("no contract can be drafted", [Fault(column.name, "holds something else too", ALLOWED)])
    return moments


def _of_rows(cells: pd.Series[str], moments: Datetimes) -> pd.Series[float]:
    return cells.map(moments.microseconds).astype(np.float64)
