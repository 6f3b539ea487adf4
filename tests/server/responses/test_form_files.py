"""The form's file: a CSV sent by a browser without script, and the scores that come back."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.conftest import random_records

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
BOUNDARY = "----of-a-browser"
MAX_ROWS = 300


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1", MAX_BATCH_ROWS=str(MAX_ROWS)) as running:
        yield running


def sent(api, file, name="rows.csv", **fields):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="rows"; filename="{name}"\r\n'
    head += "Content-Type: text/csv\r\n\r\n"
    body = b"".join([*parts, head.encode(), file, f"\r\n--{BOUNDARY}--\r\n".encode()])
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return api.ask("POST", "/", body, Accept=BROWSER, Content_Type=kind)


def written(records, separator=",", encoding="utf-8", names=None):
    text = io.StringIO()
    lines = csv.writer(text, delimiter=separator)
    lines.writerow(names or records[0])
    lines.writerows([record.values() for record in records])
    return text.getvalue().encode(encoding)


def read(body):
    return list(csv.DictReader(io.StringIO(body.decode())))


@pytest.mark.parametrize(
    ("separator", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), ("|", "utf-8")]
)
def test_every_row_of_a_file_gets_the_score_of_the_api(api, contract, separator, encoding):
    records = random_records(contract, 30, 1)
    status, headers, body = sent(api, written(records, separator, encoding))
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert headers["Content-Disposition"] == 'attachment; filename="scores.csv"'
    scores = read(body)
    expected = api.predict(records, "/predict/batch")[1]["predictions"]
    assert [float(one["churn chance"]) for one in scores] == [one["churn chance"] for one in expected]
    assert [one["warnings"] for one in scores] == ["; ".join(one["warnings"]) for one in expected]
    assert [int(one["row"]) for one in scores] == list(range(1, 31))
    assert len({one["prediction_id"] for one in scores}) == 30


def test_decimal_commas_are_read_as_they_are_in_a_scored_file(api, contract):
    records = [record | {"credit_limit": 1500.25 + at} for at, record in enumerate(random_records(contract, 5, 8))]
    expected = [one["churn chance"] for one in api.predict(records, "/predict/batch")[1]["predictions"]]
    commas = [record | {"credit_limit": str(record["credit_limit"]).replace(".", ",")} for record in records]
    scores = read(sent(api, written(commas, ";"))[2])
    assert [float(one["churn chance"]) for one in scores] == expected
    mixed = [*commas, records[0]]
    status, _, body = sent(api, written(mixed, ";"))
    assert (status, "decimal mark of the file cannot be determined" in body.decode()) == (422, True)


def test_the_columns_may_have_the_names_of_the_table(api, contract):
    records = random_records(contract, 5, 2)
    names = [feature.column for feature in contract.features]
    keyed = [record | {"key": f"C-{at}"} for at, record in enumerate(records)]
    scores = read(sent(api, written(keyed, names=[*names, contract.table.id_column]))[2])
    expected = api.predict(records, "/predict/batch")[1]["predictions"]
    assert [float(one["churn chance"]) for one in scores] == [one["churn chance"] for one in expected]
    assert [one["customer_id"] for one in scores] == [f"C-{at}" for at in range(5)]


def test_a_row_that_is_rejected_says_why_and_the_others_are_scored(api, contract):
    records = random_records(contract, 200, 3)
    for record in records[20:180]:
        record["customer_age"] = 500
    records[0]["gender"] = ""
    scores = read(sent(api, written(records))[2])
    assert [bool(one["error"]) for one in scores] == [20 <= at < 180 for at in range(200)]
    assert all(bool(one["prediction_id"]) != bool(one["error"]) for one in scores)
    assert scores[20]["error"].startswith("customer_age is out of the plausible range (allowed: a whole number from 18")
    assert scores[179]["error"] == "not valid under the contract"  # one of those that the API does not list


@pytest.mark.parametrize(
    ("file", "status", "said"),
    [
        (b"", 422, "empty"),
        (b"a,b\n1,2\n", 422, "lacks columns that the contract credit_card_churn needs"),
        (b"PK\x03\x04 xl/", 422, "an Excel workbook, not a CSV table"),
        (b"\xff\xfe\x00", 422, "not text in utf-16"),
        (b"a,b\n" + b"," * 1_500_000, 422, "lacks columns"),
        (b'"', 422, "the header of the file cannot be read"),
    ],
)
def test_what_is_no_table_is_told_on_the_page(api, file, status, said):
    found, headers, body = sent(api, file)
    assert (found, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert said in body.decode().lower() if said.islower() else said in body.decode()


def test_a_row_without_an_end_is_told(api, contract):
    header = ",".join(contract.feature_names).encode()
    for long in (b"," * 1_500_000, b'"a\n",' * 300_000):
        status, _, body = sent(api, header + b"\n" + long)
        assert status == 422
        assert "A row of the file is longer than 1,000,000 characters" in body.decode()


def test_where_no_row_is_valid_the_page_says_what_is_wrong_with_each(api, contract):
    records = [record | {"customer_age": 500} for record in random_records(contract, 3, 4)]
    status, _, body = sent(api, written(records))
    assert status == 422
    assert "Row 3: Customer age is out of the plausible range" in body.decode()


def test_rows_of_another_width_and_broken_text_are_told(api, contract):
    good = written(random_records(contract, 3, 5))
    assert "Row 4: Cells are 2" in sent(api, good + b"1,2\n")[2].decode()
    assert "not text in UTF-8" in sent(api, good + b"\xff\n")[2].decode()
    assert "not a CSV table" in sent(api, good + b'"never closed')[2].decode()


def test_a_file_is_bounded_as_a_batch_is(api, contract):
    rows = random_records(contract, MAX_ROWS + 1, 6)
    assert sent(api, written(rows[:-1]))[0] == 200
    status, headers, body = sent(api, written(rows))
    assert (status, headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert "more than 300 rows" in body.decode()
    assert sent(api, b"a" * 6_000_000)[0] == 413


def test_no_file_and_a_broken_form_are_told(api):
    status, _, body = sent(api, b"", name="")
    assert status == 422
    assert "No file was chosen" in body.decode()
    kind = "multipart/form-data"
    for boundary in ("", f"; boundary={BOUNDARY}"):
        status, _, body = api.ask("POST", "/", b"nonsense", Content_Type=kind + boundary)
        assert (status, json.loads(body)["error"]["code"]) == (400, "bad_form")


def test_a_file_needs_the_key(run_api, contract):
    file = written(random_records(contract, 2, 7))
    with run_api(API_WORKERS="1", API_KEY="s3cret") as locked:
        assert sent(locked, file)[0] == 401
        assert sent(locked, file, **{"api-key": "wrong"})[0] == 401
        status, headers, _ = sent(locked, file, **{"api-key": "s3cret"})
        assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
