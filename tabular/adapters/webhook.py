"""A webhook that takes news by HTTP POST: as plain JSON, or in the form that Slack's incoming webhooks take.

No redirect is followed, so that nothing goes where the setting does not say. An error names no address: a webhook's
address is its password.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tabular.errors import Rejected, Unavailable
from tabular.ledger.entry import LedgerEntry

Form = Literal["auto", "json", "slack"]
SECONDS = 10.0
SLACK_HOST = "hooks.slack.com"
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""The 4xx statuses after which the same request may be taken."""
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
        # Without the shell's proxies: they would learn the address.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect).open

    def post(self, entry: LedgerEntry) -> None:
        """Post one entry; raises Unavailable if it may be taken later, Rejected if it never is."""
        headers = {"Content-Type": "application/json", "User-Agent": "tabular"}
        request = urllib.request.Request(self._url, self._body(entry), headers, method="POST")  # noqa: S310 - checked with the settings
        try:
            with self._open(request, timeout=SECONDS):
                return
        except urllib.error.HTTPError as error:
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in LATER:
                raise Rejected(f"the webhook does not take the message: it responds with {error.code}") from None
            raise Unavailable("the webhook", f"it responds with {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable("the webhook", type(getattr(error, "reason", error)).__name__) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No other request: the response is the error that it is."""


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
