"""A registered model and streams for one test, and a Kinesis that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import boto3
import pytest

from tabular.adapters.kinesis.streams import StreamAdmin
from tabular.adapters.mlflow.registry import MlflowRegistry
from tests.adapters.faulty_kinesis import FaultyKinesis
from tests.adapters.numbered_records import REGION


@pytest.fixture
def faulty(request: pytest.FixtureRequest) -> Iterator[FaultyKinesis]:
    """In front of the emulator that the test runs on."""
    proxy = FaultyKinesis(request.getfixturevalue("emulator_url"))
    yield proxy
    proxy.close()


@pytest.fixture
def registry(mlflow_server, settings, request):
    """A registered model's name of its own."""
    return MlflowRegistry(settings.mlflow_tracking_uri, f"model-{re.sub(r'[^a-z_]', '-', request.node.name)}"[:60])


@pytest.fixture
def stream(emulator_url, request) -> Iterator[str]:
    """A fresh stream of two shards."""
    name = f"s{abs(hash(request.node.name)):x}"
    admin = StreamAdmin(emulator_url, REGION)
    assert admin.ensure(name, 2)
    yield name
    boto3.client("kinesis", endpoint_url=emulator_url, region_name=REGION).delete_stream(StreamName=name)
