"""The text of a release, and what must agree before there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib

import pytest

from embedded.layout import PROJECT

CHANGELOG = """# Changes

## [Unreleased]

- Nothing of 1.2.0.

## [1.2.0] - 2027-01-31

A sentence.

### Added

- **One thing.**

## [1.2] - 2026-12-01

- Older.

## [1.1.0] - 2026-11-30, not released yet

- Oldest.
"""


@pytest.fixture
def notes(tmp_path):
    """Runs the script in a project of a version."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(PROJECT / "deploy/release_notes.py", tmp_path / "deploy")

    def run(version: str, *tags: str, changelog: str = CHANGELOG) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "churn-mlops"\nversion = "{version}"\n')
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        line = [sys.executable, str(tmp_path / "deploy/release_notes.py"), *tags]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    return run


def test_the_notes_are_the_section_of_the_version_and_nothing_else(notes):
    done = notes("1.2.0", "v1.2.0")
    assert (done.returncode, done.stdout) == (0, "A sentence.\n\n### Added\n\n- **One thing.**\n")


@pytest.mark.parametrize(
    ("version", "tag", "said"),
    [
        ("1.2.0", "v1.2.1", "the tag is v1.2.1, and the version in pyproject.toml is 1.2.0"),
        ("1.2.0", "1.2.0", "the tag is 1.2.0"),
        ("1.3.0", "v1.3.0", "no section ## [1.3.0]"),
        ("1.1.0", "v1.1.0", "'2026-11-30, not released yet' in the place of a date"),
    ],
)
def test_what_does_not_agree_is_not_released(notes, version, tag, said):
    done = notes(version, tag)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_an_empty_section_and_a_missing_tag_are_told(notes):
    assert "is empty" in notes("1.0.0", "v1.0.0", changelog="# Changes\n\n## [1.0.0] - 2027-01-01\n").stderr
    assert notes("1.0.0").returncode == 2


def test_the_changelog_of_this_project_has_a_section_of_its_version():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## [{version}]" in (PROJECT / "CHANGELOG.md").read_text()
