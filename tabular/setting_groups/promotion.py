"""The setting of how a model becomes champion."""

from __future__ import annotations

from typing import Literal

from tabular.setting_groups.simulator import SimulatorSettings

PromotionMode = Literal["manual", "gate", "shadow"]


class PromotionSettings(SimulatorSettings, frozen=True, kw_only=True):
    """Who decides that a model that has passed the gate serves."""

    promotion: PromotionMode = "shadow"
    """What makes a model champion: an engineer (`manual`), the `gate`, or after the first one evidence in `shadow`."""
