"""One sample of a run, on its way to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Gauge(NamedTuple):
    """One sample of a run, still without its labels `table` and `run_id`."""

    name: str
    documentation: str
    value: float
    labels: Mapping[str, str] = {}
