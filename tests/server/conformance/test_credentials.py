"""The key, however it is said: the right one is served, anything else is 401, never a 500, and none is ever logged."""

from __future__ import annotations

import pytest

from tests.server.conformance.exchange import exchange
from tests.server.wire import BATCH, SINGLE, head, post

KEY = "correct-horse-battery"
MARK = "malformed-credential"


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_KEY=KEY, API_WORKERS="1") as running:
        yield running


@pytest.mark.parametrize("path", [SINGLE, BATCH])
@pytest.mark.parametrize(
    "header", [f"Authorization: Bearer {KEY}", f"authorization: bearer {KEY}", f"X-API-Key: {KEY}"]
)
def test_the_key_is_served(api, row, path, header):
    body = row if path == SINGLE else b"[" + row + b"]"
    assert exchange(api.port, post(body, header, path=path)).statuses == [200]


def test_more_spaces_before_the_key_are_read_over_or_rejected(api, row):
    assert exchange(api.port, post(row, f"Authorization: Bearer  {KEY}")).statuses[0] in {200, 401}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [f"Authorization: xxBearer {KEY}"],
        [f"Authorization: Basic Bearer {KEY}"],
        [f"Authorization: Bearer{KEY}"],
        [f"Authorization: {KEY}"],
        [f"Authorization: Basic {KEY}"],
        ["Authorization: Bearer"],
        ["Authorization: Bearer "],
        ["Authorization:"],
        [f"Authorization: Bearer {KEY}x"],
        [f"Authorization: Bearer x{KEY}"],
        [f"Authorization: Bearer {KEY[:-1]}"],
        [f"Authorization: Bearer {KEY} {KEY}"],
        [f"Authorization: Bearer {KEY}, Bearer {KEY}"],
        [f"Authorization: Bearer {KEY.upper()}"],
        [f"Authorization: Bearer {MARK}-\u00e9\u4e00"],
        ["X-API-Key:"],
        [f"X-API-Key: Bearer {KEY}"],
        [f"X-API-Key: {MARK}-\u00e9\U0001f511"],
        [f"X_API_Key: {KEY}"],
        [f"Proxy-Authorization: Bearer {KEY}"],
        [f"Cookie: X-API-Key={KEY}"],
    ],
)
def test_anything_else_is_401(api, row, headers):
    found = exchange(api.port, post(row, *headers))
    assert found.statuses == [401], found
    assert found.responses[0].headers["www-authenticate"].startswith("Bearer")
    assert KEY.encode() not in found.responses[0].body


def test_two_credentials_are_never_served_unless_both_are_the_key(api, row):
    good, bad = f"Authorization: Bearer {KEY}", "Authorization: Bearer wrong"
    for headers in ((good, bad), (bad, good), (f"X-API-Key: {KEY}", "X-API-Key: wrong"), ("X-API-Key: wrong", good)):
        assert exchange(api.port, post(row, *headers)).statuses[0] in {400, 401}
    assert exchange(api.port, post(row, good, good)).statuses[0] in {200, 400, 401}


def test_the_key_is_not_read_from_the_query(api, row):
    for query in (f"api_key={KEY}", f"X-API-Key={KEY}", f"access_token={KEY}"):
        assert exchange(api.port, post(row, path=f"/predict?{query}")).statuses == [401]


def test_bytes_that_no_header_may_hold_are_400(api, row):
    for byte in (b"\x00", b"\x01", b"\n", b"\r"):
        request = post(row, f"Authorization: Bearer {MARK}@").replace(b"@", byte)
        found = exchange(api.port, request)
        assert (found.statuses, found.is_open) == ([400], False)


def test_a_rejected_key_gets_its_response_before_the_body_is_sent(api):
    request = head("POST", SINGLE, "Content-Type: application/json", "Content-Length: 4000000", "Expect: 100-continue")
    found = exchange(api.port, request)
    assert (found.interim, found.statuses) == ([], [401])


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_needs_no_key(api, path):
    assert exchange(api.port, head("GET", path)).statuses == [200]


def test_no_credential_of_this_module_is_in_the_log(api):
    text = api.log.read_text(errors="replace")
    assert KEY not in text
    assert MARK not in text
    assert "Traceback" not in text
