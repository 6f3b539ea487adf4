"""The settings of what is deleted by itself once it is old, or beyond a number: nothing, unless they say so."""

from __future__ import annotations

from tabular.setting_groups.logs import LogSettings
from tabular.setting_groups.types import CountOrNone, PositiveOrNone


class RetentionSettings(LogSettings, frozen=True, kw_only=True):
    """How long, or how many of each kind are kept; 0 keeps all. What is still needed is kept in any case."""

    retention_predictions_days: PositiveOrNone = 0.0
    """After so many days predictions are deleted, with their labels and shadow scores. 0: never."""

    retention_shadow_days: PositiveOrNone = 0.0
    """After so many days shadow scores of comparisons that have ended are deleted. 0: with their predictions."""

    retention_reports_days: PositiveOrNone = 0.0
    """After so many days the pages of reports are deleted, but for each table's newest; figures stay. 0: never."""

    retention_versions: CountOrNone = 0
    """How many versions of a table are kept, the newest, beside those that a champion or a name needs. 0: all."""

    retention_runs_days: PositiveOrNone = 0.0
    """After so many days runs of MLflow go that are no model versions and made no kept prediction. 0: never."""

    retention_ledger_days: PositiveOrNone = 0.0
    """After so many days, 90 at least, routine entries of the ledger are deleted; decisions stay. 0: never."""
