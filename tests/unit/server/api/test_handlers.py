"""The handlers count what was served, and what was served does not depend on the counting."""

from __future__ import annotations

import asyncio
import json
import shutil
from types import SimpleNamespace

import pytest

from server.api.access.request_id import request_id
from server.api.compression import IDENTITY, Body
from server.api.handlers import Handlers
from server.api.metrics import ApiMetrics
from server.outbox.queue import Outbox
from server.scoring.model import ready_model
from tabular.errors import Unavailable
from tabular.settings import Settings


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox", 10_000_000, "normal")


def served(bundle, outbox, metrics, body, count=1):
    model = ready_model("run", bundle)
    metrics.model(model)
    handlers = Handlers(SimpleNamespace(model=model), outbox, metrics, Settings())

    async def run():
        handled = (handlers.single(Body(body, IDENTITY, 1_000_000, request_id()), None) for _ in range(count))
        return await asyncio.gather(*handled, return_exceptions=True)

    return asyncio.run(run())


@pytest.fixture
def body(contract):
    return json.dumps(contract.example).encode()


def test_each_row_that_is_on_disk_is_counted(bundle, outbox, body):
    metrics = ApiMetrics(outbox, {})
    served(bundle, outbox, metrics, body, count=3)
    assert b'api_rows_total{outcome="served",table="credit_card_churn"} 3.0' in metrics.exposition()
    assert outbox.status().current.depth == 3


def test_what_cannot_be_written_is_not_served_and_not_counted(bundle, outbox, body, tmp_path):
    metrics = ApiMetrics(outbox, {})
    shutil.rmtree(tmp_path / "outbox")
    (tmp_path / "outbox").write_text("no folder any more")
    outbox.close()
    found = served(bundle, outbox, metrics, body, count=2)
    assert [type(each) for each in found] == [Unavailable] * 2
    assert b'api_rows_total{outcome="served",table="credit_card_churn"} 0.0' in metrics.exposition()


def test_what_is_on_disk_is_served_even_if_it_cannot_be_counted(bundle, outbox, body, caplog):
    class Broken(ApiMetrics):
        def _odd(self, _table, _values):
            raise OSError("the folder of the metrics is gone")

    incomplete = json.loads(body) | {"customer_age": None}
    (response,) = served(bundle, outbox, Broken(outbox, {}), json.dumps(incomplete).encode())
    assert json.loads(response)["model_run_id"] == "run"
    assert outbox.status().current.depth == 1
    assert "the metrics could not be written" in caplog.text
