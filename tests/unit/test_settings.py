"""The settings: read from the environment, and a bad value is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabular.errors import InvalidSetting
from tabular.settings import Settings, load_settings, with_values


def test_an_empty_environment_gives_the_defaults():
    assert load_settings({}) == Settings()


def test_an_empty_variable_counts_as_unset():
    assert load_settings({"API_PORT": "", "RUN_ID": "", "TRIALS": ""}) == Settings()


def test_values_are_read_as_their_field_s_type():
    given = {
        "RUN_ID": "123",
        "CONTRACT": "contracts/other.toml",
        "API_PORT": "8000",
        "MODEL_REFRESH_SECONDS": "2.5",
        "TRIALS": "7",
        "TIME_BUDGET_SECONDS": "0",
        "SWEEP_WORKERS": "0",
    }
    settings = load_settings(given)
    assert settings.run_id == "123"
    assert settings.contract == Path("contracts/other.toml")
    assert settings.api_port == 8000
    assert settings.model_refresh_seconds == 2.5
    assert settings.trials == 7


def test_what_is_not_ours_is_left_alone():
    assert load_settings({"PATH": "/bin", "api_port": "1", "HOME": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("TRIALS", "0", "must be a whole number >= 1"),
        ("TRIALS", "many", "must be a whole number"),
        ("TRIALS", "1.5", "must be a whole number"),
        ("API_PORT", "99999", "must be a whole number <= 65535"),
        ("API_PORT", "0", "must be a whole number >= 1"),
        ("MONITOR_PORT", "-8085", "must be a whole number >= 1"),
        ("MODEL_REFRESH_SECONDS", "-1", "must be a number > 0"),
        ("CONSUMER_POLL_SECONDS", "0", "must be a number > 0"),
        ("MONITOR_INTERVAL_SECONDS", "nan", "must be a number"),
        ("REPORT_WINDOW_HOURS", "inf", "must be a number"),
        ("TIME_BUDGET_SECONDS", "-0.1", "must be a number >= 0"),
        ("SIMULATOR_RATE_PER_SECOND", "fast", "must be a number"),
        ("SEED", "-1", "must be a whole number >= 0"),
        ("SEED", str(2**32), "must be a whole number <= 4294967295"),
        ("SWEEP_WORKERS", "-1", "must be a whole number >= 0"),
        ("MAX_BODY_BYTES", "0", "must be a whole number >= 1"),
        ("STREAM_SHARDS", "0", "must be a whole number >= 1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(name, value, why):
    with pytest.raises(InvalidSetting, match=f"^{name}='{value}' cannot be used: it {why}"):
        load_settings({name: value})


def test_every_default_is_itself_allowed():
    given = {name.upper(): str(getattr(Settings(), name)) for name in Settings.__struct_fields__}
    assert load_settings(given) == Settings()


def test_given_values_replace_settings_and_none_leaves_them():
    settings = with_values(Settings(trials=7), contract="other.toml", seed=3, trials=None)
    assert (settings.contract, settings.seed, settings.trials) == (Path("other.toml"), 3, 7)


def test_a_given_value_that_cannot_work_is_refused_by_name():
    with pytest.raises(InvalidSetting, match=r"^TRIALS=0 cannot be used: it must be a whole number >= 1"):
        with_values(Settings(), trials=0)
