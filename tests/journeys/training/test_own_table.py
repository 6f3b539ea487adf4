"""The awkward table of the page on one's own table: its commands are run, and say what the page says."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from embedded.layout import PROJECT

PAGE = PROJECT / "docs" / "how-to" / "use-your-own-table.md"


def section() -> str:
    return PAGE.read_text().partition("## An awkward table")[2]


def run(command: str, folder) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the table that the page writes."""
    made = tmp_path_factory.mktemp("own")
    lines = [line[4:] for line in section().splitlines() if line.startswith("    ")]
    script = lines[: lines.index("EOF") + 1]
    run("\n".join(script).replace(".venv/bin/python", str(PROJECT / ".venv/bin/python")), made)
    return made


def command_of(word: str, folder, **changes: str) -> str:
    """The page's command, run from the project with the files in the folder; nothing is installed on the way."""
    line = next(one.strip() for one in section().splitlines() if one.startswith(f"    make {word} "))
    given = (
        dict(part.split("=", 1) for part in shlex.split(line)[2:]) | {"csv": str(folder / "machines.csv.gz")} | changes
    )
    arguments = [f"{name}={value}" for name, value in given.items()]
    return shlex.join(["make", "-o", ".venv/.ready", "-C", str(PROJECT), word, *arguments])


@pytest.fixture(scope="module")
def drafted(folder):
    """The contract that the page's command drafts, and what was said."""
    out = folder / "machines.toml"
    return out, run(command_of("contract", folder, out=str(out)), folder)


def test_the_page_says_what_the_command_says(drafted):
    told = drafted[1]
    shown = [
        line[4:] for line in section().splitlines() if line.startswith(("    read as", "    features", "    left out"))
    ]
    assert len(shown) == 3
    for line in shown:
        assert line in told
    assert '"k.A." is the only text among numbers in temperature' in told


def test_the_table_is_profiled_under_its_contract(folder, drafted):
    page = folder / "page.html"
    run(command_of("profile", folder, CONTRACT=str(drafted[0]), out=str(page)), folder)
    figures = json.loads(page.with_suffix(".json").read_text())
    assert figures["rows"] == 6_000
    assert {one["name"] for one in figures["columns"][:2]} <= {"temperature", "vibration", "supplier"}
    assert "Köln" in page.read_text()
