"""One schedule a table in a real Prefect: those of tables that are no longer served go, all others stay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from embedded.environment import prefect_client_environ
from embedded.layout import PROJECT, Layout
from embedded.services.service import Service
from tabular.settings import Settings

NIGHTLY = ("train-nightly", {"table": "taxi_rides"})
ELSEWHERE = ("train-elsewhere", {})


@pytest.fixture
def environ(prefect_server: Service, layout: Layout, settings: Settings, tmp_path: Path) -> dict[str, str]:
    address = {"PREFECT_API_URL": f"http://127.0.0.1:{layout.ports.prefect}/api", "PREFECT_HOME": str(tmp_path)}
    return {**os.environ, **address, **prefect_client_environ(layout, settings)}


@pytest.fixture
def client(environ: dict[str, str]) -> Iterator[SyncPrefectClient]:
    login = {PREFECT_API_URL: environ["PREFECT_API_URL"], PREFECT_API_AUTH_STRING: environ["PREFECT_API_AUTH_STRING"]}
    with temporary_settings(login), get_client(sync_client=True) as client:
        yield client


def add(client: SyncPrefectClient, name: str, parameters: dict[str, Any]) -> None:
    client.create_deployment(flow_id=client.create_flow_from_name("train"), name=name, parameters=parameters)


def schedules(environ: dict[str, str], tables: str) -> str:
    """What the command says for these tables; Prefect's own command is replaced by one that does nothing."""
    command = [sys.executable, "-m", "model_orchestration.deployments.schedules", "true"]
    given = {**environ, "TABLES": tables}
    done = subprocess.run(command, env=given, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_schedule_of_a_table_that_is_no_longer_served_is_removed_and_that_is_told(
    client: SyncPrefectClient, environ: dict[str, str]
) -> None:
    own = [(f"train-{table}", {"table": table}) for table in ("taxi_rides", "telecom_churn", "iris")]
    for name, parameters in [*own, NIGHTLY, ELSEWHERE]:
        add(client, name, parameters)
    said = schedules(environ, "telecom_churn,iris")
    left = {one.name for one in client.read_deployments()}
    assert left >= {"train-iris", NIGHTLY[0], ELSEWHERE[0]}
    assert not left & {"train-taxi_rides", "train-telecom_churn"}
    assert said.splitlines() == [
        "schedule train-taxi_rides was removed: this stack no longer serves it",
        "schedule train-telecom_churn was removed: it is the first table now, which `train` trains",
    ]
    assert not schedules(environ, "telecom_churn,iris"), "once is enough"
