"""The settings of log lines."""

from __future__ import annotations

from typing import Literal

from tabular.setting_groups.react import ReactSettings


class LogSettings(ReactSettings, frozen=True, kw_only=True):
    """How every process writes its log."""

    log_format: Literal["text", "json"] = "text"
    """How a process logs: `text` for people, or `json`, one object a line with standard keys, for a collector."""
