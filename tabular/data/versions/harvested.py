"""Where the rows of a harvested version come from: its parent, and the predictions whose outcomes became rows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from tabular.quality.labelled.coverage import ScoreDecile

Mode = Literal["append", "replace"]


class Harvested(msgspec.Struct, frozen=True, kw_only=True):
    """The lineage of a version that was made of labelled predictions.

    `parent` is the sha256 of the version that they were appended to, or that they replaced; of its rows `parent_rows`
    are in this one, and `replaced_rows` gave way to a newer row of the same id. `rows` were harvested, of predictions
    labelled in since <= labelled_at < until (UTC), `runs` of them by the MLflow run that had made the prediction; where
    `share` is below 1 they are a uniform sample of that share. `left_out` counts predictions by the reason for which
    they are no rows; `as_missing` counts by feature the rows whose category the contract does not list: it is missing
    in the table, as it was to the model. `coverage` has the predictions with and without a label by score decile.
    """

    parent: str
    mode: Mode
    since: datetime | None
    until: datetime
    rows: int
    parent_rows: int
    replaced_rows: int
    runs: dict[str, int]
    share: float = 1.0
    left_out: dict[str, int] = {}
    as_missing: dict[str, int] = {}
    coverage: tuple[ScoreDecile, ...] = ()

    def __str__(self) -> str:
        verb = "appended to" if self.mode == "append" else "in the place of"
        since = f"{self.since:%Y-%m-%d %H:%M} " if self.since is not None else ""
        return (
            f"{self.rows:,} labelled predictions of {len(self.runs)} run{'' if len(self.runs) == 1 else 's'} {verb} "
            f"{self.parent[:12]}, labelled {since}until {self.until:%Y-%m-%d %H:%M} UTC"
        )
