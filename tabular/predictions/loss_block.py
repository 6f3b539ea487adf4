"""Consecutive labelled predictions of one run, in numbers: what the alarm on quality adds up, kept for a restart."""

from __future__ import annotations

from datetime import datetime

import msgspec


class LossBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions with since <= labelled_at < until (UTC), of which `read_rows` were read: all, or a sample.

    `bundle` is the digest of the run's bundle. `counts` is how many rows have each loss of the grid
    (`tabular/quality/alarm/loss_grid.py`), in parts of rows; `mean_loss` is the mean of their bounded losses
    (`tabular/quality/bounded_loss.py`). `measures` is the quality of these rows, by metric: nothing where they are few.
    """

    table: str
    run_id: str
    bundle: str
    since: datetime
    until: datetime
    rows: int
    read_rows: int
    mean_loss: float
    counts: tuple[float, ...]
    measures: dict[str, float] = {}
