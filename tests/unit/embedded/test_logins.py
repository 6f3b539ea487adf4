"""The generated logins, and who can read them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded.environment import process_environ, remember
from embedded.layout import PROJECT, Layout
from embedded.operate import Stack
from embedded.services import prometheus
from embedded.services.logins import prefect_login, prometheus_password
from embedded.services.stack import STACK, service
from tabular.errors import InvalidSetting
from tabular.settings import Settings


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_login_is_made_once_and_differs_between_stacks(tmp_path):
    one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    assert prefect_login(one) == prefect_login(one) != prefect_login(other)
    name, _, password = prefect_login(one).partition(":")
    assert (name, len(password) >= 24) == ("admin", True)
    assert password != prometheus_password(one)


def test_several_processes_that_start_at_once_have_the_same_one(tmp_path):
    code = (
        "import sys, pathlib; from embedded.layout import Layout; from embedded.services.logins import prefect_login;"
        "print(prefect_login(Layout(pathlib.Path(sys.argv[1]))))"
    )

    def asked(_):
        line = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(asked, range(8)))) == 1


def test_the_one_that_was_given_counts(tmp_path):
    assert prefect_login(Layout(tmp_path), "me:secret") == "me:secret"
    for wrong in ("me", "me:", ":secret"):
        with pytest.raises(InvalidSetting, match="name:password"):
            prefect_login(Layout(tmp_path), wrong)


def test_every_file_with_a_secret_is_the_owners_alone(tmp_path):
    previous = os.umask(0)
    try:
        layout = Layout(tmp_path / "state")
        remember(layout, {"PREFECT_AUTH_STRING": "me:secret-1", "API_KEY": "secret-2"})
        secrets = ["secret-1", "secret-2", prefect_login(layout).partition(":")[2], prometheus_password(layout)]
        prometheus.service(layout)
    finally:
        os.umask(previous)
    assert mode(layout.state) == 0o700
    holding = [
        path for path in layout.state.rglob("*") if path.is_file() and any(s in path.read_text() for s in secrets)
    ]
    assert {path.name for path in holding} == {"overrides.env", "prefect", "prometheus", "prometheus.yml"}
    assert {path.name: mode(path) for path in holding} == {path.name: 0o600 for path in holding}


def test_only_prefects_server_and_its_clients_have_its_login_and_no_command_line_has_one(tmp_path):
    layout, settings = Layout(tmp_path), Settings()
    given = {"PREFECT_AUTH_STRING": "me:secret-1"}
    for settings in (Settings(), Settings(prefect_auth_string=given["PREFECT_AUTH_STRING"])):
        secrets = [prefect_login(layout, settings.prefect_auth_string).partition(":")[2], prometheus_password(layout)]
        services = {name: service(name, layout, settings) for name in STACK}
        knowing = {
            name
            for name, one in services.items()
            if secrets[0] in str({**process_environ(layout, given), **one.environ})
        }
        assert knowing == {"prefect", "worker", "monitor"}  # an alarm starts a flow
        assert not [name for name, one in services.items() if any(secret in str(one.command) for secret in secrets)]
        assert secrets[0] in str(Stack(layout, settings, {}).environ)
