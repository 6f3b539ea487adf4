"""What a look for leaks finds."""

from __future__ import annotations

from typing import Literal

import msgspec

from model_orchestration.evaluation.leaks.interval import Figure

Aspect = Literal["alone", "missing", "removal"]


class FeatureSkill(msgspec.Struct, frozen=True):
    """What a feature brings on held-out rows.

    `alone` and `missing` are the headline metric of a model of the feature, or of its being missing, alone;
    `share_alone` is the share of the model's skill that the feature has alone, `removal` the share that the model loses
    without it and its near-copies, None where shuffling them costs so little that they were not removed. Skill is the
    share of a constant's loss that is explained: R², or its like for the log loss.
    """

    name: str
    alone: float
    share_alone: float
    missing: float | None = None
    removal: float | None = None


class Finding(msgspec.Struct, frozen=True):
    """What stands out of a feature: which figure, with its interval, and beyond which limit.

    `copies` are the features that say the same, and were removed with it.
    """

    feature: str
    aspect: Aspect
    figure: Figure
    limit: float
    copies: tuple[str, ...] = ()


class LeakReport(msgspec.Struct, frozen=True):
    """What the features of a table bring; `skill` is the share of a constant's loss that the model of all explains.

    `leaks` are features that no model may have unless its contract says that they are known before the outcome;
    `questions` pass, but their author is asked.
    """

    metric: str
    model: float
    skill: float
    rows: int
    features: tuple[FeatureSkill, ...]
    leaks: tuple[Finding, ...] = ()
    questions: tuple[Finding, ...] = ()
