"""A label: the true outcome of one prediction, or of what a business key names, as the business told it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal

import msgspec

LabelSource = Literal["api", "stream", "file"]

SETTLED_AFTER = timedelta(seconds=5)
"""A label that is being attached may bear a time of a moment ago: so long after, nearly all of them are stored."""
LATE_AFTER = timedelta(seconds=30)
"""A store that stalls takes a label as late as that: who reads labels once, in order of time, leaves it so long."""
CLOCK_TOLERANCE = timedelta(seconds=10)
"""By how much a prediction may seem to come after its outcome was known: two machines' clocks differ by less."""
_DAY = timedelta(days=1)


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome. Exactly one of `prediction_id` and `business_key` says whose it is.

    `outcome` is a class of the contract, or the number of a regression. `observed_at` is when the business knew it, if
    it said so; `received_at`, UTC, when it came in. Whatever is replayed (an outbox, a stream) brings the `received_at`
    of the first time, by which labels are put in order.
    """

    table: str
    prediction_id: str | None = None
    business_key: str | None = None
    outcome: str | float
    observed_at: datetime | None = None
    received_at: datetime
    source: LabelSource

    @property
    def known_at(self) -> datetime:
        """When the outcome was known, UTC: when it was observed, or else when it came in."""
        at = self.observed_at or self.received_at
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

    @property
    def known_by(self) -> datetime:
        """Until when a prediction may be made that this outcome answers, UTC.

        A midnight is a date alone: the outcome was known by the end of that day, or when it came in, if earlier.
        """
        at = self.known_at
        if self.observed_at is not None and at.time() == time():
            at = max(at, min(at + _DAY - timedelta.resolution, self.received_at))
        return at + CLOCK_TOLERANCE


class LabelBatch(msgspec.Struct, frozen=True, tag=True):
    """Labels that came in together, as they are put in the outbox."""

    labels: tuple[Label, ...]

    def __len__(self) -> int:
        return len(self.labels)
