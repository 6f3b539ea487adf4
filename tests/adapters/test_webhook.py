"""What is posted to a webhook, to a real HTTP server that takes it, refuses it, or is down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Thread

import pytest

from embedded.services.service import free_port
from tabular.adapters.webhook import Webhook
from tabular.errors import Rejected, Unavailable
from tabular.ledger.entry import LedgerEntry
from tests.webhook_receiver import Receiver

ENTRY = LedgerEntry(
    id="one",
    at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    table="churn",
    kind="retrained",
    run_id="abc",
    who="react",
    why="<quality> fell & was told",
    evidence={"rows": 200.0},
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_plain_json_has_the_fields_of_the_entry_and_a_sentence(receiver):
    Webhook(receiver.url).post(ENTRY)
    [body] = receiver.bodies
    assert (body["id"], body["kind"], body["table"], body["evidence"]) == ("one", "retrained", "churn", {"rows": 200})
    assert body["text"] == "Trained again: churn (run abc): <quality> fell & was told"


def test_slack_gets_its_own_form_with_the_marks_of_its_markup_escaped(receiver):
    Webhook(receiver.url, "slack").post(ENTRY)
    assert receiver.bodies == [{"text": "Trained again: churn (run abc): &lt;quality&gt; fell &amp; was told"}]


@pytest.mark.parametrize(
    ("status", "error"), [(400, Rejected), (404, Rejected), (429, Unavailable), (503, Unavailable)]
)
def test_what_is_not_taken_is_tried_again_only_if_it_may_be_taken_later(receiver, status, error):
    receiver.status = status
    with pytest.raises(error, match=str(status)) as raised:
        Webhook(receiver.url).post(ENTRY)
    assert "secret-path" not in str(raised.value)


def test_a_redirect_is_not_followed(receiver):
    receiver.status, receiver.location = 307, receiver.url
    with pytest.raises((Rejected, Unavailable), match="307"):
        Webhook(receiver.url).post(ENTRY)
    assert len(receiver.bodies) == 1


def test_a_webhook_that_is_down_is_unavailable_and_its_address_is_not_told():
    with pytest.raises(Unavailable) as raised:
        Webhook(f"http://127.0.0.1:{free_port()}/secret-path").post(ENTRY)
    assert "secret-path" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "form", "is_slack"),
    [
        ("https://hooks.slack.com/services/T/B/x", "auto", True),
        ("https://hooks.slack.com.example.org/x", "auto", False),
        ("https://example.org/hooks.slack.com", "auto", False),
        ("https://chat.example.org/hook", "slack", True),
        ("https://hooks.slack.com/services/T/B/x", "json", False),
    ],
)
def test_the_form_is_that_of_the_setting_or_of_the_host(url, form, is_slack):
    body: Callable[[LedgerEntry], bytes] = Webhook(url, form)._body
    assert (json.loads(body(ENTRY)).keys() == {"text"}) == is_slack
