"""The awkward table of the page on one's own table: its commands are run, and its contract trains to a champion."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys

import pytest

from embedded.layout import PROJECT
from tabular.model.bundle import read_bundle
from tests.journeys.training.trainer import make_trainer, parent_of

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


@pytest.fixture(scope="module")
def trainer(drafted, ministack, mlflow_server, prefect_server, store, settings, layout, tmp_path_factory):
    return make_trainer("machines", drafted[0], 4, tmp_path_factory.mktemp("machines"), settings, layout)


def test_it_trains_to_a_champion_that_holds_what_was_learnt_and_that_the_next_is_compared_with(
    trainer, folder, tmp_path
):
    trainer.publish((folder / "machines.csv.gz").read_bytes())
    told = trainer.train()
    assert told["gate"] == "passed", told
    trainer.registry.fetch_bundle(told["RUN_ID"], tmp_path)
    bundle = read_bundle(tmp_path)
    supplier = next(one for one in bundle.contract.features if one.column == "supplier")
    assert 20 < len(supplier.categories) < 150
    assert supplier.least_count == 20
    record = bundle.contract.example | {"supplier": "Lieferant 9999"}
    assert bundle.codec.parse(record).unknown == ("supplier",)
    again = trainer.train("--seed", "7")
    assert "compared" in again["note"]
    assert "not compared" not in again["note"]
    assert parent_of(trainer, again) != parent_of(trainer, told)


def test_a_profile_is_set_beside_the_version_of_the_champion(trainer, folder, drafted):
    lines = [line.split(";") for line in _text(folder).splitlines()]
    for cells in lines:
        if cells[4] != "k.A.":
            cells[4] = f"{float(cells[4].replace(',', '.')) + 8:.2f}".replace(".", ",")
    hotter = folder / "hotter.csv"
    hotter.write_bytes("\n".join(map(";".join, lines)).encode("cp1252"))
    page = folder / "hotter.html"
    line = [sys.executable, "-m", "reporting.table_profile", "--contract", str(drafted[0]), "--out", str(page)]
    done = subprocess.run(
        [*line, "--csv", str(hotter)], env=trainer.environ, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "(6,000 rows)" in done.stdout
    figures = json.loads(page.with_suffix(".json").read_text())
    assert [one["name"] for one in figures["columns"] if one["drift"] and one["drift"]["drifted"]] == ["temperature"]
    assert "this table" in page.read_text()


def _text(folder) -> str:
    return gzip.decompress((folder / "machines.csv.gz").read_bytes()).decode("cp1252")


def test_a_training_with_learnt_categories_is_repeated_to_the_same_figures(trainer):
    like = trainer.registry.champion()
    code, told, printed = trainer.run("retrain", "--like", like)
    assert code == 0, printed
    assert "reproduced, every trial and every test metric" in told["like"]
    assert told["RUN_ID"] != like
