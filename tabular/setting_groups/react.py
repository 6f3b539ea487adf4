"""The settings of what the stack does with labels, alarms and new data by itself, and of whom it tells."""

from __future__ import annotations

from typing import Literal

from tabular.setting_groups.shadow import ShadowSettings
from tabular.setting_groups.types import Count, CountOrNone, PositiveOrNone


class ReactSettings(ShadowSettings, frozen=True, kw_only=True):
    """When a table is harvested and trained again, how often at most, and where news is posted."""

    harvest_max_rows: Count = 200_000
    """The most labelled predictions that a harvest makes rows of; of more, a uniform sample, and it says so."""

    retrain_on: str = "schedule,drift,quality"
    """What starts a training by itself, by commas: `schedule`, `drift`, `quality`, `labels`; or `nothing`."""

    retrain_min_labels: Count = 1_000
    """How many new labels it takes to harvest and train again."""

    retrain_cool_down_hours: PositiveOrNone = 6.0
    """How long after a training that started by itself the next may start; by hand it may at any time."""

    retrain_max_a_day: CountOrNone = 4
    """How many trainings may start by themselves within 24 hours, of each table."""

    alert_webhook_url: str = ""
    """The webhook to which alarms and decisions are posted, with HTTP or HTTPS. Empty: nobody is told."""

    alert_webhook_form: Literal["auto", "json", "slack"] = "auto"
    """What is posted there: plain `json`, or what `slack` takes; `auto`: Slack's form at hooks.slack.com, else JSON."""

    alert_webhook_about: Literal["everything", "decisions"] = "everything"
    """What the flow `react` posts; only `decisions` where an Alertmanager tells of the alarms."""
