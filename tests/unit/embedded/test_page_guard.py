"""Who gets through the guard: every way in which a browser tells on a page."""

from __future__ import annotations

import asyncio

import pytest

from embedded.services.page_guard import PageGuard

NAMES = "localhost,127.0.0.1,[::1]"


def asked(*headers, kind="http", allowed=NAMES):
    """What the server sends for a request with these headers: the guarded application's own word, or the guard's."""
    sent = []

    async def application(scope, receive, send):
        await send({"type": "passed"})

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(name.encode(), value.encode()) for name, value in headers]}
    asyncio.run(PageGuard(application, allowed)(scope, None, send))
    return sent[0].get("status", sent[0]["type"])


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "127.0.0.1:4200")],
        [("host", "localhost:4200"), ("origin", "http://localhost:4200")],
        [("host", "127.0.0.1:4200"), ("origin", "http://localhost:4200")],  # its page, opened under the other name
        [("host", "[::1]:4200"), ("origin", "http://[::1]:4200")],
    ],
)
def test_its_own_pages_and_programs_pass(headers):
    assert asked(*headers) == "passed"
    assert asked(*headers, kind="websocket") == "passed"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://evil.example:4200",
        "http://127.0.0.1:8888",
        "http://localhost.",
        "://",
    ],
)
def test_a_page_of_another_origin_does_not(origin):
    headers = [("host", "127.0.0.1:4200"), ("origin", origin)]
    assert asked(*headers) == 403
    assert asked(*headers, kind="websocket") == "websocket.close"
    assert asked(*headers, allowed="*") == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_nor_a_name_that_is_not_the_servers(host):
    assert asked(("host", host)) == 421
    assert asked(("host", host), kind="websocket") == "websocket.close"
    assert asked(("host", host), ("origin", f"http://{host}")) == 421


def test_one_name_must_be_given_and_no_second_one():
    assert asked() == 421
    assert asked(("host", "localhost"), ("host", "evil.example")) == 421
    assert asked(("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")) == 403


def test_any_name_is_taken_where_that_was_asked_for():
    assert asked(("host", "stack.example"), allowed="*") == "passed"
    assert asked(("host", "stack.example"), ("origin", "http://stack.example"), allowed="*") == "passed"


def test_the_servers_own_life_is_not_its_matter():
    assert asked(kind="lifespan") == "passed"
