"""The form in Chromium, by the keyboard alone, for two tables; and its pictures in the docs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tests.browser import IMAGES, PHONE, Visit, keep_screenshot
from tests.conftest import random_records

OTHER, OTHER_RUN = "telecom_churn", "bbbb"


@pytest.fixture(scope="module")
def other():
    return load_contract(PROJECT / "contracts" / f"{OTHER}.toml")


@pytest.fixture(scope="module")
def api(run_api, make_bundle, contract, other, tmp_path_factory):
    state = tmp_path_factory.mktemp("form")
    make_bundle(contract, state / "bundles" / "aaaa")
    make_bundle(other, state / "bundles" / OTHER_RUN)
    tables = f"credit_card_churn,{OTHER}"
    with run_api(state, TABLES=tables, RUN_ID_TELECOM_CHURN=OTHER_RUN, API_WORKERS="1") as running:
        yield running


@pytest.fixture
def visit(browser, api):
    """Opens a page of the API, and notes what it complains of and what it asks of anybody else."""
    here = f"http://127.0.0.1:{api.port}"
    with Visit(browser, (1100, 900)) as window:

        def opened(path: str) -> Visit:
            window.open(f"{here}{path}")
            return window

        yield opened
        assert not [text for text in window.complaints if "422" not in text]  # a status of no success is shown there
        assert not window.foreign(here)


def keep(page, name):
    """Take the picture of the docs again where SCREENSHOTS=1 asks for it."""
    assert len(keep_screenshot(page, name, full_page=True)) > 10_000
    assert (IMAGES / f"{name}.png").exists()


def focused(page):
    return page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.tagName")


def tab_to(page, name):
    """Go there as somebody does who has no mouse; fails if the keyboard does not lead there."""
    for _ in range(200):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not lead to {name}")


def type_into(page, name, text):
    tab_to(page, name)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_a_row_is_typed_sent_put_right_and_predicted_by_the_keyboard_alone(visit, contract):
    window = visit("/")
    page = window.page
    type_into(page, "row.customer_age", "500")
    tab_to(page, "row.gender")
    page.keyboard.type("M")
    type_into(page, "row.credit_limit", "-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem")
    assert focused(page) == "problem"
    assert page.title().startswith("Error: ")
    assert page.locator("#problem li").count() == 2
    assert page.input_value('[name="row.customer_age"]') == "500"
    assert window.violations() == []
    keep(page, "form-faults")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first fault leads to its field
    assert "Customer age is out of the plausible range" in page.inner_text("#field-0-problem")
    type_into(page, "row.customer_age", "100")
    type_into(page, "row.credit_limit", "4000")
    tab_to(page, "BUTTON")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result")
    assert focused(page) == "result"
    assert page.input_value('[name="row.gender"]') == "M"
    assert page.locator(".bars tbody tr").count() == len(contract.inputs)
    bars = page.locator(".bars rect:not(.zero)").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    assert bars == sorted(bars, reverse=True)
    assert bars[0] > 50
    assert window.violations() == []
    keep(page, "form-reasons")


def test_the_form_of_a_further_table_is_its_own(visit, api, other):
    page = visit(f"/tables/{OTHER}/").page
    assert page.inner_text("h1") == other.table.title
    names = page.locator("#one [name^='row.']").evaluate_all("fields => fields.map(field => field.name)")
    assert names == [f"row.{feature.name}" for feature in other.features]
    tab_to(page, "BUTTON")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result")
    assert OTHER_RUN in page.inner_text("main")
    expected = api.predict(other.example, f"/tables/{OTHER}/predict")[1][other.reply.prediction_key]
    assert page.inner_text(".headline") == f"{100 * expected:.1f} %"


def test_a_file_is_chosen_or_dropped_and_its_scores_are_kept(visit, api, contract, tmp_path):
    records = random_records(contract, 20, 1)
    file = tmp_path / "rows.csv"
    with file.open("w") as rows:
        lines = csv.DictWriter(rows, records[0])
        lines.writeheader()
        lines.writerows(records)
    page = visit("/").page
    page.evaluate(
        """text => {
          const files = new DataTransfer();
          files.items.add(new File([text], "rows.csv", {type: "text/csv"}));
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: files}));
        }""",
        file.read_text(),
    )
    assert page.inner_text("#dropped") == "Ready to score: rows.csv"
    tab_to(page, "rows")
    with page.expect_download() as download:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "scores.csv"
    with Path(download.value.path()).open() as scores:
        found = [float(row[contract.reply.prediction_key]) for row in csv.DictReader(scores)]
    expected = api.predict(records, "/predict/batch")[1]["predictions"]
    assert found == [one[contract.reply.prediction_key] for one in expected]


def test_without_script_the_form_predicts(browser, api):
    with Visit(browser, PHONE, java_script_enabled=False) as window:
        window.open(f"http://127.0.0.1:{api.port}/")
        window.page.locator("#one button").click()
        window.page.wait_for_selector("#result")
        assert window.page.locator(".bars").count() == 1


def test_on_a_phone_nothing_sticks_out(browser, api):
    with Visit(browser, PHONE) as window:
        window.open(f"http://127.0.0.1:{api.port}/")
        window.page.click("#one button")
        window.page.wait_for_selector("#result")
        window.page.wait_for_load_state("load")  # before its style is there everything is as wide as it likes
        assert window.sticking_out() == []


def test_text_that_is_no_number_is_not_sent_as_nothing(visit):
    page = visit("/").page
    type_into(page, "row.customer_age", "1e")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.locator("#result").count() == 0
    assert focused(page) == "row.customer_age"
