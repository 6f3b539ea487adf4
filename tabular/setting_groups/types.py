"""The kinds of values that settings hold, each with its bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

LAST_PORT = 65_535
Port = Annotated[int, msgspec.Meta(ge=1, le=LAST_PORT)]
Count = Annotated[int, msgspec.Meta(ge=1)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
MAX_CONSUMERS = 4
Consumers = Annotated[int, msgspec.Meta(ge=1, le=MAX_CONSUMERS)]
Lease = Annotated[float, msgspec.Meta(ge=1, le=3_600)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
PositiveOrNone = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Confidence = Annotated[float, msgspec.Meta(ge=0.5, lt=1)]
