"""Consecutive predictions of one run, in numbers: what an alarm adds up, and what remains when it is started again."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions with since <= made_at < until (UTC), of which `read_rows` were counted: all, or a uniform sample.

    `bundle` is the digest of the run's bundle, by whose reference the shares were chosen: of each, `counted` are the
    rows in which its column is there, `held` those of them that count. `mean_score` is None if no score is a number.
    `distance` is that of the share of an input which differs most from the reference's, 0 to 1, and `feature` the
    input; `estimates` is the quality that the scores let expect, by metric. Blocks of before they were kept have none.
    """

    table: str
    run_id: str
    bundle: str
    since: datetime
    until: datetime
    rows: int
    read_rows: int
    mean_score: float | None
    counted: tuple[int, ...]
    held: tuple[int, ...]
    distance: float | None = None
    feature: str | None = None
    estimates: dict[str, float] = {}
