"""The handler of labels: on disk before the response, all or none, and the same under the same key."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import msgspec
import pytest

from server.api.access.request_id import request_id
from server.api.compression import IDENTITY, Body
from server.api.handlers import Handlers
from server.api.labels.handlers import OUTBOX_LABELS, LabelHandlers
from server.api.metrics import ApiMetrics
from server.connections.errors import HttpError
from server.outbox.idempotency import KeptResponse
from server.outbox.label_relay import LabelRelay, read_figures
from server.outbox.queue import Outbox
from server.outbox.relay import Relay
from server.scoring.model import ready_model
from tabular.encoding.row import NotJson
from tabular.errors import InvalidRow
from tabular.ports.labels import LabelCounts
from tabular.predictions.label import LabelBatch
from tabular.settings import Settings
from tests.adapters.memory.labels import MemoryLabels
from tests.adapters.memory.ledger import MemoryLedger
from tests.adapters.memory.predictions import MemoryPredictions

LEFT = "Attrited Customer"
MAX_ROWS = 2_500


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path / "outbox", 10_000_000, "normal")
    yield box
    box.close()


@pytest.fixture
def metrics(outbox):
    return ApiMetrics(outbox, {})


@pytest.fixture
def take(bundle, outbox, metrics):
    """Hands a body to the handler and returns the response, decoded if it is a new one."""
    serving = SimpleNamespace(model=ready_model("run", bundle))
    handlers = LabelHandlers(serving, Handlers(serving, outbox, metrics, Settings()), outbox, metrics, MAX_ROWS)

    def run(body, key=None, *, lines=False, **asked):
        sent = Body(body if isinstance(body, bytes) else json.dumps(body).encode(), IDENTITY, 10_000_000, request_id())

        async def handled():
            return await (handlers.lines if lines else handlers.json)(sent, key, **asked)

        response = asyncio.run(handled())
        return response if isinstance(response, KeptResponse) else json.loads(response)

    return run


def waiting(outbox) -> list[LabelBatch]:
    return [msgspec.json.decode(entry.body, type=LabelBatch) for entry in outbox.oldest(10**9)]


def test_an_object_an_array_and_lines_are_on_disk_when_the_response_comes(take, outbox, metrics):
    one, blank = {"prediction_id": "a", "outcome": LEFT}, {"prediction_id": "b", "outcome": None}
    assert take(one) == {"accepted": 1, "blank": 0}
    assert take([one, blank]) == {"accepted": 1, "blank": 1}
    assert take(b"\n".join(json.dumps(each).encode() for each in (one, blank)), lines=True) == {
        "accepted": 1,
        "blank": 1,
    }
    assert take(b"\xef\xbb\xbf" + json.dumps(one).encode()) == {"accepted": 1, "blank": 0}
    assert [[label.outcome for label in batch.labels] for batch in waiting(outbox)] == [[LEFT]] * 4
    assert b'api_labels_total{outcome="accepted",table="credit_card_churn"} 4.0' in metrics.exposition()
    assert outbox.status().current.depth == 4


def test_many_labels_are_several_entries_that_are_written_together(take, outbox):
    many = [{"prediction_id": f"p{at}", "outcome": LEFT} for at in range(MAX_ROWS)]
    assert take(many) == {"accepted": MAX_ROWS, "blank": 0}
    assert [len(batch) for batch in waiting(outbox)] == [OUTBOX_LABELS, OUTBOX_LABELS, MAX_ROWS - 2 * OUTBOX_LABELS]


def test_the_same_request_under_its_key_is_written_once(take, outbox):
    one = {"prediction_id": "a", "outcome": LEFT}
    assert take(one, "k") == {"accepted": 1, "blank": 0}
    assert json.loads(take(one, "k").body) == {"accepted": 1, "blank": 0}
    assert outbox.status().current.depth == 1
    with pytest.raises(HttpError) as refused:
        take([one], "k")
    assert refused.value.full_code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("body", "lines", "error", "told"),
    [
        (b"", False, HttpError, "empty"),
        (b"{", False, NotJson, "not JSON"),
        (b'{"prediction_id":"a","outcome":null}\n{', True, NotJson, "row 1"),
        (b"[]", False, HttpError, "no labels"),
        (b"3", False, InvalidRow, "object"),
        (b"[3]", False, InvalidRow, "1 row is at fault"),
        (b'[{"prediction_id":"a","outcome":null},{"outcome":"x"}]', False, InvalidRow, "row 1, outcome"),
        (b'{"prediction_id":"' + b"x" * 5_000 + b'"}', False, InvalidRow, "too large"),
        (b"[" + b"{}," * MAX_ROWS + b"{}]", False, HttpError, "more than"),
        (b"{}\n" * (MAX_ROWS + 1), True, HttpError, "more than"),
        (b"PAR1" + b"\0" * 60, True, NotJson, "Parquet"),
        (b"[" * 5_000, False, (NotJson, InvalidRow), "JSON"),
    ],
)
def test_what_is_no_label_is_refused_and_nothing_is_written(take, outbox, body, lines, error, told):
    with pytest.raises(error, match=told):
        take(body, lines=lines)
    assert outbox.status().current.depth == 0


def test_there_is_nothing_to_explain_of_a_label(take):
    with pytest.raises(HttpError, match="explain"):
        take({"prediction_id": "a", "outcome": LEFT}, explain=True)


def test_what_became_of_labels_is_left_for_the_metrics_and_goes_on_counting_after_a_restart(take, outbox, metrics):
    for name in ("a", "b"):
        take({"prediction_id": name, "outcome": LEFT})
        relay = Relay(outbox, MemoryPredictions(), LabelRelay(outbox.folder, MemoryLabels(), MemoryLedger()))
        relay.step()
    (counted,) = read_figures(outbox.folder).counted
    assert (counted.table, counted.source, counted.counts) == ("credit_card_churn", "api", LabelCounts(attached=2))
    sample = b'labels_total{result="attached",source="api",table="credit_card_churn"} 2.0'
    assert sample in metrics.exposition()
    (outbox.folder / "labels.json").write_bytes(b"{")
    assert sample not in metrics.exposition()
