"""Prometheus' configuration and alert rules, by Prometheus' own tool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from embedded.layout import PROJECT

CONFIG = PROJECT / "monitoring" / "prometheus"
HERE = Path(__file__).parent


@pytest.fixture
def promtool():
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def folder(tmp_path):
    """The configuration as a supervisor lays it out: the files, and one targets file beside them."""
    for path in (CONFIG / "prometheus.yml", CONFIG / "alerts.yml", HERE / "alerts_test.yml"):
        shutil.copy(path, tmp_path)
    shutil.copy(CONFIG / "targets" / "embedded.yml", tmp_path / "targets.yml")
    (tmp_path / "api_key").touch()
    return tmp_path


def test_prometheus_accepts_the_configuration(promtool, folder):
    assert "SUCCESS" in promtool("check", "config", folder / "prometheus.yml")


def test_every_alert_fires_when_it_should_and_only_then(promtool, folder):
    promtool("test", "rules", folder / "alerts_test.yml")


def test_every_alert_has_a_test():
    rules = [rule for group in yaml.safe_load((CONFIG / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    tests = (HERE / "alerts_test.yml").read_text()
    assert [rule["alert"] for rule in rules if rule["alert"] not in tests] == []


def test_every_alert_says_what_happened_and_what_to_do():
    for group in yaml.safe_load((CONFIG / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
            assert rule["labels"]["severity"] in {"warning", "critical"}
