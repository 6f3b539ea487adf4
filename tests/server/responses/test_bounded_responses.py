"""However little is sent, and however wrong, the response is not much longer, and says which rows are wrong."""

from __future__ import annotations

import json

import pytest

JSON, NDJSON = "application/json", "application/x-ndjson"
ROWS = 10_000


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1") as running:
        yield running


def asked(api, path, body, media=JSON):
    status, _, response = api.ask("POST", path, body, Content_Type=media)
    assert len(response) <= 2 * len(body) + 100_000
    return status, response


def test_of_thousands_of_rejected_rows_the_first_are_listed_and_the_others_counted(api):
    status, response = asked(api, "/predict/batch", json.dumps([{}] * ROWS, separators=(",", ":")).encode())
    found = json.loads(response)
    listed = len(found["predictions"])
    assert status == 200
    assert (found["served"], found["rejected"]) == (0, ROWS)
    assert 10 < listed <= 100
    assert found["predictions"][9]["error"]["faults"]
    assert found["not_listed"] == {
        "rejected": ROWS - listed,
        "codes": {"invalid_record": ROWS - listed},
        "rows": [[listed, ROWS - 1]],
    }


def test_in_ndjson_a_last_line_counts_them(api, contract):
    good = json.dumps(contract.example).encode()
    body = b"\n".join([b"{}"] * 5_000 + [good] + [b"oh"] * 3 + [good])
    _, response = asked(api, "/predict/batch", body, NDJSON)
    *lines, last = [json.loads(line) for line in response.splitlines()]
    listed = len(lines) - 2
    assert [line["row"] for line in lines[:listed]] == list(range(listed))
    assert [line["row"] for line in lines[listed:]] == [5_000, 5_004]
    assert all("churn chance" in line for line in lines[listed:])
    assert last["not_listed"]["codes"] == {"invalid_record": 5_000 - listed, "not_json": 3}
    assert last["not_listed"]["rows"] == [[listed, 4_999], [5_001, 5_003]]


def test_where_all_rejected_rows_are_listed_nothing_else_is_said(api, contract):
    _, response = asked(api, "/predict/batch", json.dumps([contract.example, {}]).encode())
    assert json.loads(response).keys() == {"predictions", "served", "rejected"}


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
def test_megabytes_of_unknown_keys_have_a_short_response(api, path, size):
    keys = b",".join(b'"%d":1' % number for number in range(size // 12))
    record = b"{" + keys + b"}"
    status, response = asked(api, path, b"[" + record + b"]" if path.endswith("batch") else record)
    found = json.loads(response)
    error = found["error"] if path == "/predict" else found["predictions"][0]["error"]
    assert len(response) < 100_000
    too_large = "too_large" if path == "/predict" else "record_too_large"
    assert error["code"] == ("invalid_record" if size == 1_000_000 else too_large)
    assert status == (200 if path.endswith("batch") else 422 if size == 1_000_000 else 413)
