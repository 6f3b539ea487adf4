"""The sections of the front page: what each says when things are well, when they are not, and when nothing is known."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reporting.front_page.services import ServiceState
from reporting.front_page.table_view import TableReader
from tests.unit.reporting.front_page.story import (
    FIRST,
    LEDGER,
    NOW,
    READINESS,
    SECOND,
    TABLE,
    TITLE,
    block,
    gauges,
    prediction,
)

MAX_BYTES = 300_000


def text_of(page: str) -> str:
    """What a reader sees, spaces made single."""
    shown = re.sub(r"<(style|script|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))


def svgs(page: str) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def rows_of(svg: ET.Element) -> list[str]:
    return [text.text for text in svg.iter("text") if text.get("class") == "row"]


def test_all_is_well(view_of, page_of):
    text = text_of(page_of(view_of()))
    assert "Every service responds, and no alarm stands." in text
    assert f"Served model {SECOND} the champion, since 02 Mar 2026, 08:00:00 UTC" in text


def test_a_service_that_does_not_respond_is_named_with_what_to_do(view_of, page_of):
    services = [
        ServiceState("api", is_up=True, said="responds", page_url="http://a/docs"),
        ServiceState("mlflow", is_up=False, said="responds with 503"),
        ServiceState("shadow", is_up=False, said="does not respond"),
    ]
    page = page_of(view_of(), services=services)
    assert '<a href="http://a/docs">api</a> <span class="badge calm">up</span>' in page
    text = text_of(page)
    assert "mlflow, shadow do not respond as they should. make status shows" in text
    assert "mlflow responds with 503 " in text
    assert "Every service responds" not in text


def test_an_alarm_that_stands_is_at_the_top_with_its_start(view_of, page_of):
    text = text_of(page_of(view_of(gauges(drift=1))))
    assert f"Alarm on drift, Churn &amp; co: run {SECOND[:12]} , since 02 Mar 2026, 04:00:00 UTC" in text
    assert "no alarm stands" not in text


def test_synthetic_and_real_data_are_told_apart_with_the_version(view_of, page_of):
    synthetic = text_of(page_of(view_of()))
    assert "Trained on synthetic data its scores say nothing about real rows; version eeeeeeeeeeee" in synthetic
    real = text_of(page_of(view_of(readiness=READINESS.replace("true", "false"))))
    assert "Trained on real data version eeeeeeeeeeee" in real
    assert "synthetic" not in real


def test_a_pinned_run_is_not_called_the_champion(view_of, page_of):
    text = text_of(page_of(view_of(readiness=READINESS.replace(SECOND, FIRST))))
    assert f"Served model {FIRST} pinned; the champion is {SECOND}" in text
    assert "version ffffffffffff" in text


def test_a_table_without_a_model_and_an_api_that_is_down_are_told_apart(view_of, page_of):
    none = text_of(page_of(view_of(readiness='{"tables": {"churn": {"status": "no model", "reason": "train first"}}}')))
    assert "Served model none train first" in none
    down = text_of(page_of(view_of(readiness="")))
    assert f"Served model unknown the API does not respond; the champion is {SECOND}" in down


def test_predictions_a_minute_are_told_by_source_over_full_minutes(view_of, page_of):
    assert "Predictions a minute 60 api 20, stream 40" in text_of(page_of(view_of()))


def test_live_drift_names_the_features_the_most_moved_first(view_of, page_of):
    page = page_of(view_of())
    assert "Live drift 1 of 2 features credit_limit" in text_of(page)
    assert re.findall(r'<tr><th scope="row">(credit_limit|gender)<', page) == ["credit_limit", "gender"]
    assert "Live drift unknown the monitor knows of no predictions" in text_of(page_of(view_of("")))


def test_measured_and_estimated_quality_are_told_apart(view_of, page_of):
    text = text_of(page_of(view_of()))
    measured, _, rest = text.partition("Quality, measured")[2].partition("Quality, estimated")
    assert "On the 480 newest predictions whose outcome is known" in measured
    assert "ROC-AUC 0.771 0.71 to 0.83 0.802" in measured
    assert "No outcome has confirmed it. Measure Value 95 % interval ROC-AUC 0.793 0.76 to 0.82" in rest
    without = re.sub(r"monitor_(quality|estimated)\w*\{.*\n", "", gauges())
    text = text_of(page_of(view_of(without)))
    assert "Unknown: no outcome has come in yet" in text
    assert "There is no estimate" in text


def test_the_timeline_has_champions_alarms_events_and_each_measure(view_of, page_of):
    timeline = svgs(page_of(view_of()))[0]
    assert timeline.get("aria-label") == f"Model health of {TITLE} over time"
    assert rows_of(timeline) == [
        "champion",
        "challenger",
        "alarms",
        "events",
        "drift",
        "mean score",
        "ROC-AUC",
        "measured",
        "ROC-AUC",
        "estimated",
        "mean loss",
        "measured",
        "predictions",
        "a minute",
    ]
    titles = [title.text for title in timeline.iter("title")]
    for one in LEDGER:
        if one.kind in {"registered", "promoted", "alarmed", "challenged"}:
            assert any(one.kind in title and one.why in title for title in titles), one
    assert len(list(timeline.iter("polyline"))) == 10, "each measure is a line of each run"


def test_the_timeline_reaches_back_to_the_first_prediction_though_the_ledger_begins_later(stores, view_of, page_of):
    first = block(-12 * 24 * 30)
    stores.blocks.save(first)
    view = view_of()
    assert view.history.since == first.since
    assert len(view.health) <= 152
    assert f"{first.since:%d %b %Y}" in [text.text for text in svgs(page_of(view))[0].iter("text")]


def test_the_newest_of_the_timeline_is_a_table_for_those_who_do_not_see_it(view_of, page_of):
    page = page_of(view_of())
    rows = page.partition("The newest of it as a table")[2].partition("</tbody>")[0].split("<tr>")[2:]
    assert len(rows) == 24
    assert f"<code>{SECOND[:12]}</code>" in rows[0]
    assert ">gender<" in rows[0]


def test_the_reports_that_are_there_are_listed_and_the_other_pages_linked(view_of, page_of):
    page = page_of(view_of())
    assert re.findall(r'href="([\w-]+\.html)"', page) == [
        "reports.html",
        "history.html",
        "report-2.html",
        "report-1.html",
        "reports.html",
    ]
    assert "gone.html" not in page


def test_before_anything_has_happened_the_page_says_what_to_expect(stores, page_of):
    view = TableReader("new", "New table", stores).read(None, [], NOW)
    text = text_of(page_of(view))
    assert "The monitor has closed no block of predictions yet" in text
    assert "Predictions a minute 0 none in the last hour" in text
    assert "There is no report yet. make apply-prediction-reporting writes one now." in text
    assert "Nothing is known of any table yet" in text_of(page_of())


def test_each_table_has_a_section_of_its_own(stores, view_of, page_of):
    other = TableReader("rides", "Taxi rides", stores).read(None, [], NOW)
    page = page_of(view_of(), other)
    assert re.findall(r'<h2 id="([^"]+)"', page) == ["services", TABLE, "rides"]
    assert 'href="reports.html#churn"' in page
    identities = re.findall(r' id="([^"]+)"', page)
    assert len(identities) == len(set(identities))


SCRIPT = "<script>alert(1)</script>"


def test_nothing_of_the_data_is_markup(stores, page_of):
    stores.ledger.append(msgspec.structs.replace(LEDGER[1], id="evil", at=NOW - timedelta(hours=1), why=SCRIPT))
    stores.blocks.save(block(287, feature=SCRIPT))
    stores.predictions.save_report({**stores.predictions.rows["report-2.html"], "finding": SCRIPT})
    page = page_of(
        TableReader(TABLE, SCRIPT, stores).read(None, [], NOW), services=[ServiceState(SCRIPT, is_up=True, said=SCRIPT)]
    )
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") > 5


class Outline(HTMLParser):
    """What a screen reader needs: headings, tables with scopes, names of pictures and of scrolling regions."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.faults: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "th" and given.get("scope") not in {"col", "row"}:
            self.faults.append("a header cell without a scope")
        if tag == "svg" and not (given.get("role") == "img" and given.get("aria-label")):
            self.faults.append("a picture without a name")
        if "scroll" in (given.get("class") or "").split() and not (given.get("tabindex") and given.get("aria-label")):
            self.faults.append("a region that scrolls and has no name, or cannot be reached with the keyboard")


def test_a_screen_reader_finds_its_way(view_of, page_of):
    outline = Outline(page_of(view_of(gauges(drift=1))))
    assert outline.faults == []
    assert outline.headings[0] == 1
    assert all(later - before <= 1 for before, later in zip(outline.headings, outline.headings[1:], strict=False))


@pytest.mark.parametrize("years", [0, 5])
def test_the_page_is_small_however_long_the_history_and_asks_nobody_else(stores, view_of, page_of, years):
    for at in range(years * 5_000):
        stores.blocks.save(block(-1 - at * 20))
    for at in range(2_000):
        stores.predictions.save([prediction(at, "batch")])
    page = page_of(view_of())
    assert len(page.encode()) < MAX_BYTES / 2
    assert re.findall(r'(?:src|href)="(?!http://127|#|data:|[\w-]+\.(?:html|js))[^"]*"', page) == []
    assert "@import" not in page
    assert "url(" not in page
