"""Whatever is sent, the response is a clear 4xx of one shape, and never a 500."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import zlib

import pytest

from benchmarks.harness.processes import peak_mb, reset_peak
from tests.server.raw_http import JSON, connected, responses, spoken
from tests.server.raw_http import request as post

NDJSON = "application/x-ndjson"
LIMIT_BYTES, LIMIT_ROWS = 100_000, 50


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(MAX_BODY_BYTES=str(LIMIT_BYTES), MAX_BATCH_ROWS=str(LIMIT_ROWS), API_WORKERS="1") as running:
        yield running


def rejected(api, status, code, method, path, body=b"", **headers):
    """The error of a response, which must have this status, this code and the one shape of all errors."""
    got, served, text = api.ask(method, path, body, **headers)
    assert (got, served["Content-Type"]) == (status, JSON), text
    error = json.loads(text)["error"]
    assert set(error) == {"code", "message", "remedy", "faults", "request_id"}
    assert error["code"] == code
    assert error["message"]
    assert error["remedy"]
    return error


DEEP = 100_000
NOT_JSON = {
    "text": b"hello",
    "half": b'{"a": 1',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "beyond a double": b'{"a": 1e400}',
    "thousands of digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "deep arrays": b"[" * DEEP,
    "deep closed arrays": b"[" * (DEEP // 4) + b"]" * (DEEP // 4),
    "deep objects": b'{"a":' * (DEEP // 6),
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "binary": bytes(range(256)),
    "two documents": b"{}{}",
    "trailing comma": b'{"a": 1,}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_400(api, body):
    rejected(api, 400, "not_json", "POST", "/predict", body, Content_Type=JSON)
    rejected(api, 400, "not_json", "POST", "/predict/batch", body.replace(b"{", b"[{", 1), Content_Type=JSON)


@pytest.mark.parametrize("body", [b"", b"  \n"], ids=["nothing", "spaces"])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_an_empty_body_is_400(api, path, body):
    rejected(api, 400, "empty_body", "POST", path, body, Content_Type=JSON)


@pytest.mark.parametrize("body", [b"null", b"3", b'"text"', b"true"])
def test_json_that_is_no_object_is_422(api, body):
    error = rejected(api, 422, "invalid_record", "POST", "/predict", body, Content_Type=JSON)
    assert error["faults"][0]["allowed"] == "an object"


FAULTS = [
    ({"customer_age": 17}, 17, "18 to 120"),
    ({"customer_age": 57.5}, 57.5, "whole number"),
    ({"customer_age": "57"}, "57", "whole number"),
    ({"customer_age": True}, True, "whole number"),
    ({"customer_age": [57]}, "[57]", "whole number"),
    ({"customer_age": 10**20}, 10**20, "18 to 120"),
    ({"customer_age": 1e308}, "a number beyond 1e300", "18 to 120"),
    ({"credit_limit": -0.01}, -0.01, "0 to 1000000"),
    ({"credit_limit": {"a": 1}}, "{'a': 1}", "a number"),
    ({"education_level": 6}, 6, "Doctorate"),
    ({"education_level": -1}, -1, "Doctorate"),
    ({"education_level": 1.5}, 1.5, "Doctorate"),
    ({"gender": 1}, 1, "F, M"),
    ({"gender": False}, False, "F, M"),
    ({"gender": "x" * 101}, "x" * 100 + "…", "F, M"),
]


@pytest.mark.parametrize(("change", "given", "allowed"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_422_with_what_was_given_and_what_is_allowed(api, contract, change, given, allowed):
    body = json.dumps(contract.example | change).encode()
    error = rejected(api, 422, "invalid_record", "POST", "/predict", body, Content_Type=JSON)
    (fault,) = error["faults"]
    assert fault["field"] == next(iter(change))
    assert fault["given"] == given
    assert allowed in fault["allowed"]


def test_every_fault_of_a_record_is_named_at_once(api, contract):
    record = contract.example | {"customer_age": "old", "gender": 7, "CLIENTNUM": 1, "Attrition_Flag": "x"}
    del record["credit_limit"]
    error = rejected(api, 422, "invalid_record", "POST", "/predict", json.dumps(record).encode(), Content_Type=JSON)
    named = {fault["field"] for fault in error["faults"]}
    assert named == {"customer_age", "gender", "CLIENTNUM", "Attrition_Flag", "credit_limit"}


def test_thousands_of_faults_make_a_short_response_that_says_how_many(api, contract):
    record = contract.example | {f"x{number}": 1 for number in range(4_000)}
    error = rejected(api, 422, "invalid_record", "POST", "/predict", json.dumps(record).encode(), Content_Type=JSON)
    assert len(error["faults"]) == 100
    assert "4,000 faults" in error["message"]


def test_a_field_name_as_long_as_the_body_is_cut(api, contract):
    body = json.dumps(contract.example | {"k" * 90_000: 1}).encode()
    error = rejected(api, 422, "invalid_record", "POST", "/predict", body, Content_Type=JSON)
    assert len(error["faults"][0]["field"]) == 101


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ";;=", NDJSON]
)
def test_another_content_type_is_415(api, good, media):
    headers = {"Content_Type": media} if media else {}
    assert JSON in rejected(api, 415, "wrong_content_type", "POST", "/predict", good, **headers)["message"]


def test_the_batch_path_names_both_content_types_it_reads(api, good):
    error = rejected(api, 415, "wrong_content_type", "POST", "/predict/batch", good, Content_Type="text/csv")
    assert f"{JSON} or {NDJSON}" in error["message"]


def test_a_content_type_may_have_a_charset_and_capitals(api, good):
    assert api.ask("POST", "/predict", good, Content_Type="Application/JSON; charset=utf-8")[0] == 200


def test_a_body_compressed_in_an_unknown_way_is_415_and_told_what_is_read(api, good):
    for coding in ("br", "zstd", "gzip, gzip", "compress"):
        headers = {"Content_Type": JSON, "Content_Encoding": coding}
        error = rejected(api, 415, "compressed", "POST", "/predict", good, **headers)
        assert "gzip" in error["remedy"]


CODINGS = {
    "gzip": gzip.compress,
    "GZip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Identity": bytes,
    "gzip ": lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:]) + bytes(8),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_body_is_served_like_the_plain_one(api, contract, good, coding):
    pack, headers = CODINGS[coding], {"Content_Encoding": coding, "Content_Type": JSON}
    key = api.predict(contract.example)[1].keys()
    plain = api.predict(contract.example)[1]["churn chance"]
    status, _, response = api.ask("POST", "/predict", pack(b"\xef\xbb\xbf" + good), **headers)
    assert (status, json.loads(response).keys(), json.loads(response)["churn chance"]) == (200, key, plain)
    many = json.dumps([contract.example] * LIMIT_ROWS).encode()
    status, _, response = api.ask("POST", "/predict/batch", pack(many), **headers)
    assert (status, json.loads(response)["served"]) == (200, LIMIT_ROWS)
    status, _, response = api.ask(
        "POST", "/predict/batch", pack(good + b"\n" + good), **headers | {"Content_Type": NDJSON}
    )
    assert (status, len(response.splitlines())) == (200, 2)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_413_and_is_not_unpacked_beyond_the_limit(api, path, coding):
    (worker,) = api.workers()
    bomb = CODINGS[coding](b" " * 80_000_000)
    assert len(bomb) < LIMIT_BYTES
    headers = {"Content_Type": JSON, "Content_Encoding": coding}
    reset_peak(worker)
    before_mb = peak_mb(worker)
    for _ in range(3):
        error = rejected(api, 413, "too_large", "POST", path, bomb, **headers)
    assert "100,000" in error["message"]
    assert peak_mb(worker) - before_mb < 20


def test_bodies_that_become_long_are_unpacked_one_at_a_time(run_api, good):
    with run_api(API_WORKERS="1") as api:
        (worker,) = api.workers()
        body = gzip.compress(good.ljust(990_000))
        sent = post(body, "Content-Encoding: gzip", "Connection: close")
        assert spoken(api, sent) == b"200"
        reset_peak(worker)
        before_mb = peak_mb(worker)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connected(api)) for _ in range(100)]
            for client in clients:
                client.sendall(sent)
            assert {responses(client)[0][0] for client in clients} == {200}
        assert peak_mb(worker) - before_mb < 40


def test_very_many_empty_parts_are_413(api):
    headers = {"Content_Type": JSON, "Content_Encoding": "gzip"}
    rejected(api, 413, "too_large", "POST", "/predict/batch", gzip.compress(b"") * 4_000, **headers)


@pytest.mark.parametrize(
    "body", [b"", b'{"a": 1}', gzip.compress(b"{}" * 50, mtime=0)[:-9], zlib.compress(b"{}"), b"\x1f\x8b" * 9]
)
def test_a_body_that_is_not_compressed_as_it_says_is_400(api, body):
    code = "empty_body" if not body else "not_compressed"
    headers = {"Content_Type": JSON, "Content_Encoding": "gzip"}
    rejected(api, 400, code, "POST", "/predict", body, **headers)


@pytest.mark.parametrize(
    ("pack", "named", "remedy"),
    [
        (gzip.compress, "gzip", "Content-Encoding: gzip"),
        (zlib.compress, "zlib", "Content-Encoding: deflate"),
        (lambda body: body.decode().encode("utf-16"), "UTF-16", "UTF-8"),
        (lambda body: body + b"\n" + body, "several JSON objects", "application/x-ndjson"),
        (base64.b64encode, "base64 of a JSON object", "Decode it"),
        (lambda _body: b"PAR1" + bytes(90), "Parquet", "/docs"),
        (lambda _body: b"PK\x03\x04" + bytes(90), "zip", "/docs"),
        (lambda body: body.replace(b"57", b"NaN", 1), "this is text with NaN or Infinity in it, not JSON", "null"),
    ],
)
def test_what_is_not_json_is_named_with_what_to_do(api, good, pack, named, remedy):
    for path in ("/predict", "/predict/batch"):
        error = rejected(api, 400, "not_json", "POST", path, pack(good), Content_Type=JSON)
        assert named in error["message"]
        assert remedy in error["remedy"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: body.decode().encode("utf-16")])
def test_lines_that_are_no_text_are_named_as_a_whole(api, good, pack):
    rejected(api, 400, "not_json", "POST", "/predict/batch", pack(good + b"\n" + good), Content_Type=NDJSON)


def test_a_byte_order_mark_is_read(api, contract, good):
    rows = json.dumps([contract.example] * 2).encode()
    for path, media, body in (
        ("/predict", JSON, good),
        ("/predict/batch", JSON, rows),
        ("/predict/batch", NDJSON, good + b"\n\xef\xbb\xbf" + good),
    ):
        status, _, response = api.ask("POST", path, b"\xef\xbb\xbf" + body, Content_Type=media)
        assert (status, b'"error"' in response) == (200, False)


@pytest.mark.parametrize("name", ["data", "instances", "inputs", "anything"])
def test_what_the_features_stand_in_is_named_once_with_the_right_form(api, contract, name):
    for inner in (contract.example, [contract.example]):
        body = json.dumps({name: inner}).encode()
        error = rejected(api, 422, "wrapped_record", "POST", "/predict", body, Content_Type=JSON)
        assert [fault["field"] for fault in error["faults"]] == [name]
        assert '{"customer_age": 57, ' in error["remedy"]
        error = rejected(api, 422, "not_an_array", "POST", "/predict/batch", body, Content_Type=JSON)
        assert [fault["field"] for fault in error["faults"]] == [name]
        response = api.predict([{name: inner}], "/predict/batch")[1]
        assert response["predictions"][0]["error"]["code"] == "wrapped_record"


def test_an_array_to_the_single_row_is_shown_the_way(api, contract):
    body = json.dumps([contract.example]).encode()
    error = rejected(api, 422, "wrapped_record", "POST", "/predict", body, Content_Type=JSON)
    assert "/predict/batch" in error["remedy"]


@pytest.mark.parametrize("size", [LIMIT_BYTES + 1, LIMIT_BYTES * 4])
def test_a_body_over_the_limit_is_413_and_the_limit_is_said(api, good, size):
    error = rejected(api, 413, "too_large", "POST", "/predict", good.ljust(size), Content_Type=JSON)
    assert "100,000" in error["message"]


def test_a_body_of_exactly_the_limit_is_read(api, good):
    assert api.ask("POST", "/predict", good.ljust(LIMIT_BYTES), Content_Type=JSON)[0] == 200


def test_too_many_rows_are_413_and_the_limit_is_said(api):
    body = json.dumps([{}] * (LIMIT_ROWS + 1)).encode()
    error = rejected(api, 413, "too_many_rows", "POST", "/predict/batch", body, Content_Type=JSON)
    assert "50" in error["message"]


def test_an_empty_batch_is_422(api):
    rejected(api, 422, "empty_batch", "POST", "/predict/batch", b"[]", Content_Type=JSON)


def test_an_object_where_an_array_belongs_is_422_and_shown_the_way(api, good):
    error = rejected(api, 422, "not_an_array", "POST", "/predict/batch", good, Content_Type=JSON)
    assert "/predict" in error["remedy"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_another_method_is_405(api, method, path):
    rejected(api, 405, "wrong_method", method, path)
    assert "POST" in api.ask(method, path)[1]["Allow"]


def test_no_web_page_is_permitted_anything_unless_it_is_set(api, good):
    asked = {"Origin": "http://localhost:3000", "Access_Control_Request_Method": "POST"}
    assert api.ask("OPTIONS", "/predict", **asked)[0] == 405
    for method, path in (("OPTIONS", "/predict"), ("POST", "/predict"), ("GET", "/health/live")):
        headers = api.ask(method, path, good if method == "POST" else b"", Content_Type=JSON, **asked)[1]
        assert not [name for name in headers if name.lower().startswith("access-control") or name.lower() == "vary"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/predict/", "/predict/batch/1", "/%ff%00", "/../../etc/passwd", "/docs/x"]
)
def test_another_path_is_404(api, path):
    rejected(api, 404, "not_found", "GET", path)


@pytest.mark.parametrize("key", ["", "two words", "é", "k" * 201, "tab\there"])
def test_an_idempotency_key_that_cannot_be_used_is_400_and_named(api, good, key):
    headers = {"Content_Type": JSON, "Idempotency_Key": key}
    error = rejected(api, 400, "bad_idempotency_key", "POST", "/predict", good, **headers)
    assert error["faults"][0]["field"] == "Idempotency-Key"


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_chunked_body_without_a_length_is_read(api, good):
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(good), good)
    assert spoken(api, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) == b"200"


def test_a_chunked_body_over_the_limit_is_413_and_not_cut(api, good):
    text = b" " * LIMIT_BYTES + good
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    assert spoken(api, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) == b"413"


@pytest.mark.parametrize(
    "rest",
    [
        b"\r\n",
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: x\r\n\r\n{}",
        b"Content-Length: 5\r\n\r\n{}{}{",
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_body_that_is_framed_wrongly_is_400(api, rest):
    assert spoken(api, HEAD + rest, hang_up=True) == b"400"


def test_a_body_shorter_than_its_length_is_400_even_if_it_is_json(api, good):
    assert spoken(api, HEAD + b"Content-Length: 5000\r\n\r\n" + good, hang_up=True) == b"400"


@pytest.mark.parametrize("line", [b"POST /predict", b"POST /nothing", b"PUT /predict"])
def test_an_error_response_does_not_wait_for_the_body_and_the_connection_can_be_used_again(api, good, line):
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        head = b"%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (line, len(good)))
        assert responses(connection)[0][0] in {404, 405, 415}
        connection.sendall(good)
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert responses(connection)[0][0] == 200


def test_no_request_of_this_module_was_a_500(api):
    # Runs last: the server counts every response it gave.
    assert api.metric("http_requests_total", status="500") == 0
    assert api.metric("http_requests_total") > 50
    assert "Traceback" not in api.log.read_text()
