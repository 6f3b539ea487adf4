"""The form of a table and the pages of errors, as a browser without script sends and sees them."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from tests.foreign_page import ORIGIN

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"


class Controls(HTMLParser):
    """The controls of a page's forms: their attributes by name, and the chosen option as `value`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.options: dict[str, list[str]] = {}
        self._name = ""
        self._selected: bool | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in {"input", "select"}:
            self._name = given["name"]
            self.found[self._name] = {**given, "tag": tag}
            self.options[self._name] = []
        self._selected = "selected" in given if tag == "option" else None

    def handle_data(self, data):
        if self._selected is not None and data.strip():
            self.options[self._name].append(data)
            if self._selected:
                self.found[self._name]["value"] = data


def opened(api, path="/", **headers):
    status, found, body = api.ask("GET", path, Accept=BROWSER, **headers)
    return status, found, body.decode()


def sent(api, fields, path="/", **headers):
    body = urlencode(fields).encode()
    status, found, page = api.ask("POST", path, body, Accept=BROWSER, Content_Type=FORM, **headers)
    return status, found, page.decode()


def row(record):
    return {f"row.{name}": value for name, value in record.items()}


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1") as running:
        yield running


def test_the_form_has_a_control_of_its_kind_for_every_feature_filled_with_the_example(api, contract):
    status, headers, page = opened(api)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    controls, text = Controls(page), html.unescape(page)
    for feature in contract.features:
        control = controls.found[f"row.{feature.name}"]
        if feature.is_numeric:
            low, high = feature.ends
            assert (control["type"], float(control["min"]), float(control["max"])) == ("number", low, high)
            assert float(control["value"]) == feature.example
        else:
            assert controls.options[f"row.{feature.name}"] == ["not known", *feature.categories]
            assert control["value"] == feature.example
        assert feature.description in text
    assert controls.found[f"row.{contract.table.business_key}"]["type"] == "text"


def test_what_the_form_sends_gets_the_score_of_the_same_row_and_its_reasons(api, contract):
    before = api.metric("api_rows_total", outcome="served")
    controls = Controls(opened(api)[2]).found
    typed = {name: control["value"] for name, control in controls.items() if control.get("type") != "file"}
    status, _, page = sent(api, typed)
    assert status == 200
    expected = api.predict(contract.example, "/predict?explain=1")[1]
    assert f"<code>{expected['churn chance']}</code>" in page
    shown = dict(re.findall(r'<th scope="row">([^<]*)</th>.*?<td class="number">([^<]*)</td>', page))
    by_words = {name.replace("_", " ").capitalize(): value for name, value in expected["contributions"].items()}
    assert {name: float(value) for name, value in shown.items()} == pytest.approx(by_words, abs=6e-4)
    assert api.metric("api_rows_total", outcome="served") == before + 2


def test_the_curl_of_the_page_gets_the_same_score(api, contract):
    page = sent(api, row(contract.example | {"gender": ""}))[2]
    command = re.search(r"<pre tabindex=\"0\">(.*?)</pre>", page, re.DOTALL)[1]
    body = re.search(r"-d &#39;(.*)&#39;", command)[1].replace("&#34;", '"')
    assert f"http://127.0.0.1:{api.port}/predict" in command
    assert json.loads(body) == contract.example | {"gender": None}
    score = api.predict(json.loads(body))[1]["churn chance"]
    assert f"<code>{score}</code>" in page
    assert "Left empty, so sent as not known: Gender." in page


def test_each_fault_of_the_api_stands_at_its_field_and_what_was_typed_stays(api, contract):
    typed = {"customer_age": 500, "dependent_count": 1.5, "customer_id": "x" * 300}
    faults = api.predict(contract.example | typed)[1]["error"]["faults"]
    assert [fault["field"] for fault in faults] == list(typed)
    status, _, page = sent(api, row(contract.example | typed))
    assert status == 422
    controls = Controls(page).found
    for fault in faults:
        control = controls[f"row.{fault['field']}"]
        assert control["aria-invalid"] == "true"
        assert control["value"] == str(typed[fault["field"]])
        problem = re.search(rf'id="{control["id"]}-problem">(.*?)</div>', page)[1]
        assert fault["problem"] in problem
        assert f'<a href="#{control["id"]}">' in page
    assert "aria-invalid" not in controls["row.gender"]
    assert api.metric("http_requests_total", route="other", status="422") == 1


def test_a_field_that_is_missing_or_unknown_is_told(api, contract):
    record = {name: value for name, value in contract.example.items() if name != "gender"}
    status, _, page = sent(api, row(record | {"nothing<b>": 1}))
    assert status == 422
    assert "Gender is missing" in page
    assert "Nothing&lt;b&gt; is not a feature of this table" in page


def test_what_the_api_warns_of_stands_with_the_result(api, contract):
    typed = contract.example | {"marital_status": "Widowed", "card_category": ""}
    warnings = api.predict(typed | {"card_category": None})[1]["warnings"]
    page = html.unescape(sent(api, row(typed))[2])
    assert warnings
    assert all(f"<li>{warning}</li>" in page for warning in warnings)
    assert "Left empty, so sent as not known: Card category." in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ORIGIN},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_form_of_another_origin_predicts_nothing(api, contract, headers):
    before = api.metric("api_rows_total", outcome="served")
    status, _, page = sent(api, row(contract.example), **headers)
    assert (status, "code <code>foreign_page</code>" in page) == (403, True)
    assert api.metric("api_rows_total", outcome="served") == before


def test_a_form_of_its_own_origin_is_read(api, contract):
    own = {"Origin": f"http://127.0.0.1:{api.port}", "Sec_Fetch_Site": "same-origin"}
    assert sent(api, row(contract.example), **own)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "content_type", "expected"),
    [
        ("GET", "/nothing", "", 404),
        ("GET", "/tables/nowhere/", "", 404),
        ("DELETE", "/docs", "", 405),
        ("DELETE", "/", "", 405),
        ("GET", "/predict", "", 405),
        ("POST", "/", "text/plain", 415),
        ("POST", "/predict", FORM, 415),
    ],
)
def test_an_error_is_a_page_for_a_browser_and_json_for_everybody_else(api, method, path, content_type, expected):
    named = {"Content_Type": content_type} if content_type else {}
    status, headers, page = api.ask(method, path, b"x" if content_type else b"", Accept=BROWSER, **named)
    assert (status, headers["Content-Type"]) == (expected, "text/html; charset=utf-8")
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": "application/json, text/html"}):
        status, other, body = api.ask(method, path, b"x" if content_type else b"", **accept, **named)
        assert (status, other["Content-Type"]) == (expected, "application/json")
        error = json.loads(body)["error"]
        assert f"code <code>{error['code']}</code>" in page.decode()
        assert other["Allow"] == headers["Allow"]


def test_what_posts_json_gets_json_whatever_it_accepts(api):
    status, headers, body = api.ask("POST", "/predict", b"{}", Accept=BROWSER, Content_Type="application/json")
    assert (status, headers["Content-Type"]) == (422, "application/json")
    assert json.loads(body)["error"]["faults"]


def test_a_form_that_is_too_long_gets_a_page_that_says_so(api):
    status, headers, _ = api.ask("POST", "/", b"a" * 600_000, Accept=BROWSER, Content_Type=FORM)
    assert (status, headers["Content-Type"]) == (413, "text/html; charset=utf-8")


def test_every_page_keeps_the_strict_policy(api):
    for path in ("/", "/docs", "/nothing"):
        headers = opened(api, path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("open_pages", ["0", "1"])
def test_where_there_is_a_key_the_form_has_a_field_for_it(run_api, contract, open_pages):
    with run_api(API_WORKERS="1", API_KEY="s3cret", OPEN_PAGES=open_pages) as locked:
        page = opened(locked)[2]
        assert ("row.gender" in page) is (open_pages == "1")
        assert Controls(page).found["api-key"]["type"] == "password"
        assert "row.gender" in opened(locked, X_API_Key="s3cret")[2]
        for key in ("", "wrong"):
            status, _, page = sent(locked, row(contract.example) | {"api-key": key})
            assert (status, "The API key is wrong." in page) == (401, key == "wrong")
            assert ("row.gender" in page) is (open_pages == "1")
            assert sent(locked, {"api-key": key})[0] == 401
        status, _, page = sent(locked, {"api-key": "s3cret"})
        assert status == 200
        assert Controls(page).found["row.gender"]["value"] == contract.example["gender"]
        status, headers, page = sent(locked, row(contract.example) | {"api-key": "s3cret"})
        assert status == 200
        assert "contribution" in page
        assert "$API_KEY" in page
        assert headers["Cache-Control"] == "no-store"
        assert "s3cret" not in locked.log.read_text()
