"""What a model in the shadow gave for a stored prediction's row, and how far it has come."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ShadowScore(msgspec.Struct, frozen=True, kw_only=True):
    """What the run `run_id` would have responded to the row of a prediction that another run has responded to.

    `score`, `probabilities` and `predicted_class` are those of `Prediction`. `made_at` is the prediction's, `scored_at`
    when the score was made afterwards; both UTC.
    """

    prediction_id: str
    run_id: str
    table: str
    made_at: datetime
    scored_at: datetime
    score: float
    probabilities: dict[str, float] | None = None
    predicted_class: str | None = None


class ShadowProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a model in the shadow has come, so that a restarted service goes on from there; times are UTC.

    Its evidence is of predictions made at `since` or later: it cannot have learnt from them. Those made before
    `position` have been scored, those before `read_again` were looked for a second time, for what was stored late.
    """

    run_id: str
    table: str
    since: datetime
    position: datetime
    read_again: datetime
