"""The page of docs in a real browser, with no network but the API itself."""

from __future__ import annotations

import json
from http import HTTPStatus

from tests.browser import Visit


def test_the_page_shows_every_field_and_its_form_predicts(run_api, contract, browser):
    with run_api(API_WORKERS="1") as api, Visit(browser) as visit:
        here = f"http://127.0.0.1:{api.port}"
        visit.open(f"{here}/docs")
        page = visit.page
        text = page.inner_text("main")
        assert all(feature.name in text and feature.description in text for feature in contract.features)
        assert list(json.loads(page.input_value("#body"))) == list(contract.feature_names)
        page.click("button")
        page.wait_for_selector("#response:not([hidden])")
        response = json.loads(page.inner_text("#response"))
        assert response["model_run_id"] == "aaaa"
        page.fill("#body", "{}")
        page.click("button")
        page.wait_for_selector("#response.bad")
        assert "invalid_record" in page.inner_text("#response")
        assert not visit.foreign(here)
    phrase = HTTPStatus(422).phrase  # another one from Python 3.13 on
    assert visit.complaints == [f"Failed to load resource: the server responded with a status of 422 ({phrase})"]
