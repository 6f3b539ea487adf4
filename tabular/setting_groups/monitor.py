"""The settings of the monitor."""

from __future__ import annotations

from tabular.setting_groups.promotion import PromotionSettings
from tabular.setting_groups.types import Count, Port, Positive


class MonitorSettings(PromotionSettings, frozen=True, kw_only=True):
    """Where the monitor listens, what it compares how often, and what its alarms start."""

    monitor_host: str = "127.0.0.1"
    """The address the monitor listens on."""

    monitor_port: Port = 8085
    """The port the monitor listens on."""

    monitor_window_rows: Count = 1_000
    """How many of the newest predictions of each run the monitor compares; at least MONITOR_MIN_ROWS."""

    monitor_sample_rows: Count = 10_000
    """The most predictions of a run read at a check, or 4 x MONITOR_MIN_ROWS; of a larger window a uniform sample."""

    monitor_min_rows: Count = 300
    """The fewest predictions worth comparing: fewer flag drift that is not there. A reference needs 100 rows."""

    monitor_interval_seconds: Positive = 10.0
    """How often the monitor checks the store."""

    monitor_block_seconds: Positive = 300.0
    """How long the blocks are by which alarms are raised; shorter ones find sooner, and need more evidence for it."""

    monitor_quality_rows: Count = 5_000
    """How many of the newest labelled predictions of each run quality is measured on."""

    monitor_prefect_url: str = ""
    """Prefect's API, where an alarm starts the flow `react` at once. Empty: the flow's schedule finds the alarm."""

    monitor_prefect_auth_string: str = ""
    """Prefect's login there, as `name:password`. Empty: none."""
