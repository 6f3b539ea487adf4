"""The policy that the settings describe."""

from __future__ import annotations

from datetime import timedelta

import pytest

from model_orchestration.react.settings import policy_of, triggers
from tabular.errors import InvalidSetting
from tabular.settings import Settings


def test_the_policy_has_the_values_of_the_settings():
    given = Settings(retrain_on=" labels , quality", retrain_min_labels=7, retrain_cool_down_hours=1.5)
    policy = policy_of(given)
    assert policy.retrain_on == {"labels", "quality"}
    assert (policy.min_labels, policy.cool_down, policy.max_a_day) == (7, timedelta(minutes=90), 4)


def test_nothing_starts_nothing():
    assert triggers("nothing") == triggers("") == frozenset()


def test_a_word_that_is_none_is_named_with_those_that_are():
    with pytest.raises(InvalidSetting, match="'drifts' is none of drift, labels, quality, schedule"):
        triggers("quality,drifts")
