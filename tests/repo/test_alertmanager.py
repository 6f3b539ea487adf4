"""Whom Alertmanager tells in containers: its configuration as `containers/alertmanager.sh` writes it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded.environment import read_env_file
from embedded.layout import PROJECT

WEBHOOK = {"ALERT_WEBHOOK_URL": "https://example.org/hook?key=it's: #secret"}
SLACK = {"ALERT_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x"}
MAIL = {"ALERT_SMTP_HOST": "smtp.example.org:587", "ALERT_SMTP_FROM": "a@example.org", "ALERT_SMTP_TO": "b@example.org"}
LOGIN = {"ALERT_SMTP_USERNAME": "a", "ALERT_SMTP_PASSWORD": "p: 'w' #x \"y\\"}


def rendered(**values: str) -> subprocess.CompletedProcess[str]:
    unset = dict.fromkeys(read_env_file(PROJECT / ".env.cloud"), "")
    return subprocess.run(
        ["bash", "-euc", ". containers/environment.sh; . containers/alertmanager.sh; alertmanager_config"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "mode": "cloud", **unset, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def receiver(**values: str) -> dict[str, Any]:
    done = rendered(**values)
    assert done.returncode == 0, done.stderr
    [only] = yaml.safe_load(done.stdout)["receivers"]
    return dict(only)


def test_nobody_is_told_when_nothing_is_set() -> None:
    assert receiver() == {"name": "people"}


def test_a_webhook_gets_json_and_slack_its_own_form_by_the_host_or_by_the_setting() -> None:
    assert receiver(**WEBHOOK)["webhook_configs"][0]["url"] == WEBHOOK["ALERT_WEBHOOK_URL"]
    assert receiver(**SLACK)["slack_configs"][0]["api_url"] == SLACK["ALERT_WEBHOOK_URL"]
    assert "slack_configs" in receiver(**WEBHOOK, ALERT_WEBHOOK_FORM="slack")
    assert "webhook_configs" in receiver(**SLACK, ALERT_WEBHOOK_FORM="json")


def test_mail_has_its_login_whatever_characters_it_is_of() -> None:
    [mail] = receiver(**MAIL, **LOGIN)["email_configs"]
    assert (mail["to"], mail["smarthost"]) == (MAIL["ALERT_SMTP_TO"], MAIL["ALERT_SMTP_HOST"])
    assert mail["auth_password"] == LOGIN["ALERT_SMTP_PASSWORD"]
    assert "auth_username" not in receiver(**MAIL)["email_configs"][0]
    assert receiver(**MAIL, **WEBHOOK).keys() == {"name", "webhook_configs", "email_configs"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"ALERT_WEBHOOK_URL": "hooks.slack.com/x"}, "ALERT_WEBHOOK_URL must begin with"),
        ({**WEBHOOK, "ALERT_WEBHOOK_FORM": "teams"}, "ALERT_WEBHOOK_FORM must be"),
        ({**MAIL, "ALERT_SMTP_HOST": "smtp.example.org"}, "ALERT_SMTP_HOST must be host:port"),
        ({**MAIL, "ALERT_SMTP_TO": ""}, "needs ALERT_SMTP_FROM and ALERT_SMTP_TO"),
    ],
)
def test_a_value_that_cannot_be_meant_stops_the_start_and_is_named(values: dict[str, str], why: str) -> None:
    done = rendered(**values)
    assert done.returncode == 1
    assert why in done.stderr
    assert "example.org/hook" not in done.stderr


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed: make setup_tests")
@pytest.mark.parametrize("values", [{}, WEBHOOK, SLACK, MAIL, {**MAIL, **LOGIN, **WEBHOOK}, {**MAIL, **SLACK}])
def test_alertmanager_itself_takes_it(values: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(rendered(**values).stdout)
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
