"""The policy that the settings describe."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from model_orchestration.react.policy import TRIGGERS, Policy, Trigger
from tabular.errors import InvalidSetting
from tabular.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """The policy; raises InvalidSetting naming the word of RETRAIN_ON that is none."""
    return Policy(
        retrain_on=triggers(settings.retrain_on),
        min_labels=settings.retrain_min_labels,
        cool_down=timedelta(hours=settings.retrain_cool_down_hours),
        max_a_day=settings.retrain_max_a_day,
    )


def triggers(text: str) -> frozenset[Trigger]:
    """What RETRAIN_ON names, by commas, in any order; raises InvalidSetting for another word."""
    named = {word.strip() for word in text.split(",")} - {"", "nothing"}
    if unknown := sorted(named - set(TRIGGERS)):
        raise InvalidSetting(
            f"RETRAIN_ON={text!r} cannot be used: {unknown[0]!r} is none of {', '.join(sorted(TRIGGERS))}, by commas, "
            "or nothing"
        )
    return frozenset(cast(Trigger, word) for word in named)
