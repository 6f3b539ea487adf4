"""The settings of the simulators: what they send, and when the outcomes of it are known."""

from __future__ import annotations

from tabular.setting_groups.embedded import EmbeddedSettings
from tabular.setting_groups.types import Positive, PositiveOrNone, Share


class SimulatorSettings(EmbeddedSettings, frozen=True, kw_only=True):
    """The business that is simulated: its rows, and their true outcomes."""

    simulator_rate_per_second: Positive = 1.0
    """How many rows a second each simulator sends."""

    simulator_shift: str = ""
    """A planted shift, of a feature (`credit_limit=+50%`) or of the outcomes (`outcome=flip:30%`). Empty: none."""

    simulator_label_delay_seconds: PositiveOrNone = 60.0
    """How long after its prediction the simulators send the true outcome of a row."""

    simulator_label_share: Share = 0.5
    """The share of the rows whose true outcome the simulators send: 0 to 1."""
