"""Methods and targets (RFC 9110, section 9; RFC 9112, section 3): only the paths that there are, by their methods."""

from __future__ import annotations

import pytest

from tests.server.wire import JSON, head, post

NO_SUCH_METHOD = {400, 405, 501}


def to(target: bytes, row: bytes, method: bytes = b"POST") -> bytes:
    """A request for a prediction to this target, as the bytes stand."""
    return post(row).replace(b"POST /predict ", method + b" " + target + b" ", 1)


@pytest.mark.parametrize("target", [b"/predict", b"/predict?", b"/predict?x", b"/predict?a=/../b&c=%00"])
def test_the_path_with_or_without_a_query_is_served(server, row, target):
    server.served(to(target, row))


@pytest.mark.parametrize(
    "target",
    [
        b"//predict",
        b"/predict/",
        b"/predict//",
        b"/predict%00",
        b"/predict%20",
        b"/predict%2f",
        b"/predict%0d%0aX:y",
        b"/predict;x=y",
        b"/predict.",
        b"/PREDICT",
        b"/./predict",
        b"/../predict",
        b"/x/../predict",
        b"/..;/predict",
        b"/%2e%2e/predict",
        b"/\\predict",
        b"/%zz",
        b"/%",
        b"/predict/batch/../../predict",
        b"/" + b"a" * 3_000,
        b"/" + b"a" * 70_000,
        b"/\xc3\xa9",
        b"/\xff\xfe",
        b"/%ff%fe",
        b"predict",
        b"?x",
        b"/a b",
        b"/predict\x00",
        b"/predict\x01",
        b"/predict\x7f",
        b"/predict\t",
    ],
)
def test_anything_but_the_path_is_no_prediction(server, row, target):
    server.rejected(to(target, row), by={400, 404, 414, 421, 431})


def test_the_path_in_other_letters_is_the_path_or_not_there(server, row):
    assert server.outcome(to(b"/%70redict", row)).statuses[0] in {200, 404}
    assert server.outcome(to(b"/predict#x", row)).statuses[0] in {200, 400, 404}


def test_two_spaces_are_one_or_a_fault(server, row):
    assert server.outcome(to(b" /predict", row)).statuses[0] in {200, 400}


def test_an_absolute_target_is_its_path_if_it_names_this_server(server, row):
    server.served(to(b"http://localhost/predict", row))  # a server must take it (RFC 9112, 3.2.2)


@pytest.mark.parametrize(
    "target",
    [
        b"http://evil.example/predict",
        b"http://evil.example",
        b"http://localhost@evil.example/predict",
        b"http:///predict",
        b"http:/predict",
        b"file:///predict",
        b"ftp://localhost/predict",
    ],
)
def test_an_absolute_target_of_another_server_is_rejected(server, row, target):
    server.rejected(to(target, row), by={400, 404, 421})


def test_the_target_of_the_whole_server_is_for_options_alone(server, row):
    assert server.outcome(head("OPTIONS", "*")).statuses[0] in {200, 204, 400, 404, 405, 501}
    for method in (b"POST", b"GET"):
        server.rejected(to(b"*", row, method), by={400, 404, 405})


@pytest.mark.parametrize("target", ["localhost:80", "/predict", "evil.example:443"])
def test_nothing_is_tunnelled(server, target):
    server.rejected(head("CONNECT", target), by={400, 404, 405, 501})


def test_trace_gives_nothing_back(server):
    found = server.rejected(head("TRACE", "/predict", "Authorization: Bearer secret"), by=NO_SUCH_METHOD)
    assert b"secret" not in found.responses[0].body


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_another_method_is_405_and_says_which(server, method):
    found = server.rejected(head(method, "/predict", "Content-Length: 0"), by={405})
    assert "POST" in found.responses[0].headers["allow"]


def test_the_head_of_a_page_is_its_head_alone(server):
    found = server.outcome(head("HEAD", "/health/live"), to_head=True)
    assert found.statuses == [200]
    assert server.outcome(head("HEAD", "/predict"), to_head=True).statuses == [405]


@pytest.mark.parametrize(
    "method",
    [b"post", b"Post", b"BREW", b"P\xc3\x96ST", b"PO ST", b"POST\x00", b"PO(ST", b"X" * 100, b"", b"PRI", b"POSTPOST"],
)
def test_a_method_that_is_none_is_rejected(server, row, method):
    server.rejected(to(b"/predict", row, method), by=NO_SUCH_METHOD)


def test_a_prediction_is_asked_for_with_its_media_type_alone(server, row):
    for media in (
        b"",
        b"text/plain",
        b"application/json2",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data",
    ):
        server.rejected(post(row).replace(JSON.encode(), media, 1), by={400, 415})
