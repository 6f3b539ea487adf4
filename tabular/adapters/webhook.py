"""A webhook that takes news by HTTP POST: as plain JSON, or in the form that Slack's incoming webhooks take.

An error names no address: a webhook's address is its password.
"""

from __future__ import annotations

import urllib.request
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from tabular.adapters.http import sent
from tabular.ledger.entry import LedgerEntry

Form = Literal["auto", "json", "slack"]
SLACK_HOST = "hooks.slack.com"
TITLES = {
    "alarmed": "Alarm",
    "alarm_ended": "Alarm ended",
    "decided": "Decision",
    "harvested": "New version of the table",
    "retrained": "Trained again",
    "promoted": "Promoted",
    "rolled_back": "Rolled back",
    "challenged": "New challenger",
    "dropped": "Challenger dropped",
    "rejected": "Rejected by the gate",
}


class Webhook:
    """Implements `Messenger` over HTTP; nothing connects before the first post."""

    def __init__(self, url: str, form: Form = "auto") -> None:
        self._url = url
        is_slack = urlsplit(url).hostname == SLACK_HOST if form == "auto" else form == "slack"
        self._body = slack_body if is_slack else json_body

    def post(self, entry: LedgerEntry) -> None:
        """Post one entry; raises Unavailable if it may be taken later, Rejected if it never is."""
        headers = {"Content-Type": "application/json", "User-Agent": "tabular"}
        request = urllib.request.Request(self._url, self._body(entry), headers, method="POST")  # noqa: S310 - checked with the settings
        sent(request, "the webhook")


def text_of(entry: LedgerEntry) -> str:
    """An entry as a person reads it."""
    about = f" (run {entry.run_id})" if entry.run_id else ""
    return f"{TITLES.get(entry.kind, entry.kind)}: {entry.table}{about}: {entry.why}"


def json_body(entry: LedgerEntry) -> bytes:
    """The entry's fields, and `text`: itself as a sentence. The same `id` is posted again where no answer came."""
    return msgspec.json.encode(msgspec.to_builtins(entry) | {"text": text_of(entry)})


def slack_body(entry: LedgerEntry) -> bytes:
    """What Slack's incoming webhooks take; its three marks of markup are escaped."""
    text = text_of(entry)
    for mark, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, escaped)
    return msgspec.json.encode({"text": text})
