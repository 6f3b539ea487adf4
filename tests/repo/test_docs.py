"""What the docs say is so."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from embedded.environment import ENV_FILE, read_env_file
from embedded.layout import PROJECT
from tabular.settings import Settings

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
FLOW_SCHEDULES = {"TRAIN_CRON", "REACT_CRON", "REPORT_CRON", "SCORE_CRON", "RETENTION_CRON"}


def make_targets() -> set[str]:
    lines = (PROJECT / "Makefile").read_text().splitlines()
    return {name for line in lines if (match := re.match(r"^([a-zA-Z_ -]+):", line)) for name in match[1].split()}


def test_every_reference_page_is_up_to_date(monkeypatch):
    path = PROJECT / "docs" / "reference" / "generate.py"
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location("generate", path)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, make in generate.PAGE_MAKERS.items():
        assert (path.parent / name).read_text() == make(), f"{name} is stale: run make docs"


def test_the_example_of_the_python_api_runs(bundle, tmp_path):
    (tmp_path / "bundle").symlink_to(bundle.folder)
    page = (PROJECT / "docs" / "reference" / "python-api.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"churn chance 0\.\d+\nFalse\n", done.stdout)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_of_a_page_exists(page):
    named = set(re.findall(r"(?:^|`)(?:\$ )?make ([a-z_][a-z_-]*)", page.read_text(), re.MULTILINE))
    assert named <= make_targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not dead


def test_every_key_of_the_env_file_is_a_setting():
    known = {name.upper() for name in Settings.__struct_fields__} | FLOW_SCHEDULES
    assert set(read_env_file(ENV_FILE)) <= known


def test_make_help_names_every_public_target():
    shown = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    public = "setup run status logs stop test lint bench reset_all setup-model-registry init_aws apply-model-train-flow"
    serving = "setup-model-serve apply-prediction-reporting start-serve stop-serve run_tests setup_tests help"
    assert not [target for target in (public + " " + serving).split() if target not in shown]
