"""Several tables in containers: what `make run` asks Docker for, by a `docker` that only writes it down."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
NAMES = ("credit_card_churn", "taxi_rides")
DOCKER = f"""#!/bin/sh
printf '%s\\n' "$*" >>"$ASKED"
case "$*" in
    *"up --help"*) echo --wait-timeout ;;
    *"ps -q"*) echo one ;;
    *tabular.tables*) printf '%s\\n' {" ".join(NAMES)} ;;
    *champion*) echo a-run ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The command line of the containers in a folder of its own, which it may write to."""
    shutil.copytree(PROJECT / "containers", tmp_path / "containers")
    for file in (".env.local", "docker-compose-model-registry.yml", "docker-compose-serve.yml"):
        shutil.copy(PROJECT / file, tmp_path)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return tmp_path


def asked(folder: Path, *command: str, **environ: str) -> tuple[list[str], str]:
    """What Docker was asked for, and what was said."""
    log = folder / "asked"
    given = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "ASKED": str(log), "IMAGES_LOCK": "/dev/null", **environ}
    line = ["bash", "containers/stack.sh", "local", *command]
    done = subprocess.run(line, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return log.read_text().splitlines(), done.stdout


def trainings(lines: list[str]) -> list[str]:
    return [line for line in lines if "deployment run train/train" in line]


def test_a_run_of_several_tables_trains_each_and_tells_each_champion(folder: Path) -> None:
    lines, said = asked(folder, "run", TABLES=",".join(NAMES))
    assert [f'table="{name}"' in line for name, line in zip(NAMES, trainings(lines), strict=True)] == [True, True]
    assert all(f"TABLES={','.join(NAMES)}" in line for line in lines if "model_orchestration.init_aws" in line)
    assert [name for name in NAMES if f"The champion of {name} is RUN_ID a-run" in said] == list(NAMES)
    assert [line for line in lines if line.endswith("model_orchestration.champion taxi_rides")]


def test_a_run_of_one_table_trains_that_of_its_contract(folder: Path) -> None:
    lines, said = asked(folder, "run", CONTRACT="contracts/taxi_rides.toml")
    (line,) = trainings(lines)
    assert 'contract="contracts/taxi_rides.toml"' in line
    assert "The champion is RUN_ID a-run" in said
