"""Web pages of named origins may read predictions; and what else is set about connections."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl

import pytest

from server.api.access.cors import Cors
from tabular.errors import InvalidSetting
from tests.server.raw_http import connected, request, responses

JSON, KEY = "application/json", "s3cret-of-a-page"
PAGE, OTHER_PAGE = "https://app.example.com", "http://localhost:3000"


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(
        CORS_ORIGINS=f"{PAGE}, {OTHER_PAGE}", API_KEY=KEY, API_KEEP_ALIVE_SECONDS="0.5", API_WORKERS="1"
    ) as running:
        yield running


def preflight(api, origin, path="/predict", **headers):
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type,x-api-key"}
    return api.ask("OPTIONS", path, Origin=origin, **asked, **headers)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
def test_a_named_page_is_permitted_to_predict_and_to_read(api, contract, origin, path):
    status, headers, body = preflight(api, origin, path)
    assert (status, body, headers["Access-Control-Allow-Origin"]) == (204, b"", origin)
    assert headers["Access-Control-Allow-Methods"] == "POST"
    allowed = headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "x-api-key", "authorization", "idempotency-key"} <= set(allowed)
    assert "Access-Control-Allow-Credentials" not in headers
    rows = contract.example if path == "/predict" else [contract.example]
    sent = {"Content_Type": JSON, "X_API_Key": KEY, "Origin": origin}
    status, headers, _ = api.ask("POST", path, json.dumps(rows).encode(), **sent)
    assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (200, origin, "Origin")


def test_a_named_page_reads_why_it_was_rejected(api):
    for sent, expected in ({"X_API_Key": KEY}, 422), ({}, 401), ({"X_API_Key": KEY, "Content_Encoding": "br"}, 415):
        status, headers, _ = api.ask("POST", "/predict", b"{}", Content_Type=JSON, Origin=PAGE, **sent)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, PAGE)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.com",
        f"{PAGE}:444",
        f"{PAGE}.evil.example",
        f"{PAGE}/",
        "null",
        "*",
        "",
    ],
)
def test_another_page_is_permitted_nothing(api, contract, origin):
    status, headers, _ = preflight(api, origin)
    assert status == 405
    assert "Access-Control-Allow-Origin" not in headers
    body = json.dumps(contract.example).encode()
    _, headers, _ = api.ask("POST", "/predict", body, Content_Type=JSON, X_API_Key=KEY, Origin=origin)
    assert "Access-Control-Allow-Origin" not in headers


def test_a_permission_opens_no_other_path_and_no_other_name(api):
    for path in ("/metrics", "/docs", "/health/ready"):
        assert "Access-Control-Allow-Origin" not in preflight(api, PAGE, path)[1]
    assert preflight(api, PAGE, Host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "origins", ["*", "app.example.com", "https://app.example.com/", "https://*.example.com", "null", "https://a:443"]
)
def test_what_is_no_origin_is_rejected_at_the_start(origins):
    with pytest.raises(InvalidSetting, match="CORS_ORIGINS"):
        Cors(f"{PAGE},{origins}", ["/predict"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_of_the_key_has_any_case(api, contract, scheme):
    body = json.dumps(contract.example).encode()
    assert api.ask("POST", "/predict", body, Content_Type=JSON, Authorization=f"{scheme} {KEY}")[0] == 200


def test_a_kept_connection_is_closed_after_the_time_that_is_set(api, contract):
    with connected(api) as connection:
        connection.settimeout(10)
        connection.sendall(request(json.dumps(contract.example).encode(), f"X-API-Key: {KEY}"))
        assert responses(connection)[0][0] == 200
        assert connection.recv(1) == b""


def test_a_tls_client_is_hung_up_on_at_once_and_without_a_word(api):
    with connected(api) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00" + bytes(200))
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    context = ssl.create_default_context()
    with pytest.raises((ssl.SSLError, ConnectionResetError)), socket.create_connection(("127.0.0.1", api.port)) as raw:
        context.wrap_socket(raw, server_hostname="localhost")
    assert api.ask("GET", "/health/live")[0] == 200
