"""A flow that is started in a real Prefect server, behind its login, by HTTP alone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from embedded.services.logins import prefect_login
from embedded.services.service import free_port
from tabular.adapters.prefect import PrefectFlows
from tabular.errors import Rejected, Unavailable


@pytest.fixture
def url(prefect_server, layout) -> str:
    return f"http://127.0.0.1:{layout.ports.prefect}/api"


@pytest.fixture
def login(layout) -> str:
    return prefect_login(layout)


@pytest.fixture
def client(url, login) -> Iterator[SyncPrefectClient]:
    given = {PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: login}
    with temporary_settings(given), get_client(sync_client=True) as client:
        yield client


def test_the_same_key_starts_a_flow_once_and_another_one_again(client, url, login):
    deployment = client.create_deployment(flow_id=client.create_flow_from_name("looks"), name="now")
    flows, first, second = PrefectFlows(url, login), uuid4().hex, uuid4().hex
    for key in (first, first, second):
        flows.start("looks/now", key)
    runs = client.read_flow_runs()
    ours = [run for run in runs if run.deployment_id == deployment]
    assert {run.idempotency_key for run in ours} == {first, second}
    assert len(ours) == 2
    assert {run.state.name for run in ours} == {"Scheduled"}


def test_an_unknown_deployment_and_a_wrong_login_are_rejected(url, login):
    with pytest.raises(Rejected, match="Prefect does not take the message: it responds with 404"):
        PrefectFlows(url, login).start("looks/never", "key")
    for wrong in ("", "admin:wrong"):
        with pytest.raises(Rejected, match="401") as raised:
            PrefectFlows(url, wrong).start("looks/now", "key")
        assert "wrong" not in str(raised.value)


def test_a_server_that_is_down_or_no_prefect_is_named():
    with pytest.raises(Unavailable, match="Prefect"):
        PrefectFlows(f"http://127.0.0.1:{free_port()}/api").start("looks/now", "key")
