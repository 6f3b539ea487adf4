"""The settings of what the stack does with labels, alarms and new data by itself."""

from __future__ import annotations

from tabular.monitor_settings import MonitorSettings
from tabular.setting_types import Count


class ReactSettings(MonitorSettings, frozen=True, kw_only=True):
    """When a table is harvested and trained again, and how much of it."""

    harvest_max_rows: Count = 200_000
    """The most labelled predictions that a harvest makes rows of; of more, a uniform sample, and it says so."""
