"""The settings: read from the environment, and a bad value is refused by name."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MONGO_URI", "mongodb//h", "it does not begin with mongodb:// or mongodb+srv://"),
        ("MONGO_URI", "http://h", "it does not begin with mongodb:// or mongodb+srv://"),
        ("MONGO_URI", "mongodb://", "it names no host"),
        ("MONGO_URI", "mongodb://a,,b", "it names no host"),
        ("MONGO_URI", "mongodb://[::1", "it cannot be read"),
        ("MONGO_URI", "mongodb://a:99999", "what follows the colon of its host is no port"),
        ("MONGO_URI", "mongodb://a b", "there is a space in it"),
        ("MLFLOW_TRACKING_URI", "127.0.0.1:5051", "it does not begin with http:// or https://"),
        ("AWS_ENDPOINT_URL", "localhost:4566", "it does not begin with http:// or https://"),
        ("DASK_SCHEDULER", "10.0.0.5:8786", "it does not begin with tcp://"),
    ],
)
def test_an_address_that_is_none_is_told_in_one_sentence_with_one_to_follow(name, value, why):
    with pytest.raises(InvalidSetting) as caught:
        load_settings({name: value})
    assert str(caught.value).startswith(f"{name}={value!r} cannot be used: {why}")
    assert re.search(r"; it must look like \w+://[\w.]+:\d+$", str(caught.value))


@pytest.mark.parametrize(
    "password", ["secret-p@ss", "secret-/", "secret-?", "secret-#", "secret-%zz", "secret-:", "secret-["]
)
def test_a_password_that_is_not_written_as_addresses_want_it_is_told_without_showing_it(password):
    with pytest.raises(InvalidSetting) as caught:
        load_settings({"MONGO_URI": f"mongodb://user:{password}@h:27017/"})
    assert "secret" not in str(caught.value)
    assert "MONGO_URI cannot be used: " in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "mongodb://a:1,b:2,c/db?replicaSet=x&w=1",
        "mongodb+srv://user:p%40ss@cluster.example/",
        "mongodb://[::1]:27017",
        "mongodb://%2Ftmp%2Fmongodb.sock",
    ],
)
def test_every_kind_of_address_of_a_store_is_taken(value):
    assert load_settings({"MONGO_URI": value}).mongo_uri == value


def test_settings_show_no_secret_in_a_log_or_a_traceback():
    given = {
        "API_KEY": "secret-1",
        "PREFECT_AUTH_STRING": "admin:secret-2",
        "MONITOR_PREFECT_AUTH_STRING": "admin:secret-5",
        "MONGO_URI": "mongodb://user:secret-3@h:27017/",
        "MLFLOW_TRACKING_URI": "http://user:secret-4@mlflow:5051",
        "TRIALS": "7",
    }
    shown = repr(load_settings(given))
    assert "secret" not in shown
    assert "user" not in shown
    assert "api_key='***'" in shown
    assert "mongo_uri='mongodb://h:27017/'" in shown
    assert "trials=7" in shown
    assert "api_key=''" in repr(Settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGO_DATABASE", "my database"),
        ("MONGO_DATABASE", "a.b"),
        ("S3_BUCKET", "Feature_Store"),
        ("S3_BUCKET", "no"),
        ("AWS_REGION", "us east"),
        ("STREAM_PREDICTIONS", "my/stream"),
        ("STREAM_DEAD_LETTERS", "x" * 129),
    ],
)
def test_a_name_that_no_service_takes_is_refused_by_what_it_must_be(name, value):
    with pytest.raises(InvalidSetting, match=rf"^{name}='{value}' cannot be used: it must be "):
        load_settings({name: value})


def test_the_address_of_the_webhook_is_a_secret_in_logs_and_in_errors():
    settings = load_settings({"ALERT_WEBHOOK_URL": "https://hooks.example.org/services/secret"})
    assert settings.alert_webhook_url.endswith("secret")
    assert not any(part in repr(settings) for part in ("hooks.example", "services/", "secret"))
    with pytest.raises(InvalidSetting, match="ALERT_WEBHOOK_URL cannot be used: it does not begin with") as raised:
        load_settings({"ALERT_WEBHOOK_URL": "hooks.example.org/services/secret"})
    assert "services/secret" not in str(raised.value)
