"""The page "Model history": what the ledger and the reports say becomes bars, marks, lines and a list."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from reporting.history.chart import WIDTH, Scale, timeline
from reporting.history.publish import MAX_ENTRIES, MAX_LISTED, history_page, write_history
from reporting.history.timeline import history
from reporting.publish import write_index
from tabular.ledger.entry import LedgerEntry
from tests.adapters.memory.ledger import MemoryLedger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=10)
FIRST, SECOND, THIRD = ("a" * 32, "b" * 32, "c" * 32)


def entry(days, what, run_id=FIRST, who="gate", why="A reason.", **evidence):
    at = NOON + timedelta(days=days)
    return LedgerEntry(at=at, table="churn", kind=what, run_id=run_id, who=who, why=why, evidence=evidence)


STORY = [
    entry(0, "promoted"),
    entry(2, "challenged", SECOND),
    entry(3, "alarmed", FIRST, "monitor", "It drifted.", kind="drift"),
    entry(4, "rejected", THIRD),
    entry(5, "promoted", SECOND, "shadow", "It is better.", page="http://mlflow/#/runs/b", gain=0.0123456),
    entry(6, "alarm_ended", FIRST, "monitor", "It is over.", kind="drift"),
    entry(7, "challenged", THIRD),
    entry(8, "rolled_back", SECOND, "engineer ann", "It was <script>alert(1)</script> worse.", restored=FIRST),
]
REPORTS = [
    {"table": "churn", "run_id": run, "made_at": NOON + timedelta(days=days), "quality": quality}
    for days, run, quality in (
        (9, FIRST, {"roc_auc": 0.8, "log_loss": 0.4}),
        (6, SECOND, {"roc_auc": 0.6, "log_loss": 0.5}),
        (1, FIRST, {"roc_auc": 0.9}),
        (-1, THIRD, {"roc_auc": 0.1}),
        (2, FIRST, None),
    )
]


def told(entries=STORY, reports=REPORTS, **given):
    return history("churn", "Churn & co", list(reversed(entries)), reports, NOW, **given)


def days(bar):
    return [(at - NOON) / timedelta(days=1) for at in (bar.since, bar.until)]


def test_each_champion_lasts_until_the_next_and_a_restored_one_has_its_colour_again():
    champions = told().champions
    assert [(bar.name, bar.colour, *days(bar)) for bar in champions] == [
        (FIRST, 0, 0, 5),
        (SECOND, 1, 5, 8),
        (FIRST, 0, 8, 10),
    ]


def test_a_challenger_lasts_until_it_is_decided_about_and_an_alarm_until_it_ends():
    found = told()
    assert [(bar.name, *days(bar)) for bar in found.challengers] == [(SECOND, 2, 5), (THIRD, 7, 10)]
    assert [(bar.name, *days(bar)) for bar in found.alarms] == [("drift", 3, 6)]
    assert "It drifted." in found.alarms[0].text
    assert "It is over." in found.alarms[0].text
    assert [(mark.kind, days_of) for mark in found.marks for days_of in [(mark.at - NOON).days]] == [("rejected", 4)]


def test_the_headline_measure_is_drawn_by_run_from_the_first_entry_on():
    found = told()
    assert found.measure == "roc_auc"
    assert [(one.run_id, one.colour, [value for _, value in one.points]) for one in found.quality] == [
        (FIRST, 0, [0.9, 0.8]),
        (SECOND, 1, [0.6]),
    ]
    regression = [{**REPORTS[0], "quality": {"mae": 1.0, "rmse": 2.0}}]
    assert told(reports=regression).measure == "rmse"
    assert told(reports=[]).measure is None


@pytest.mark.parametrize("entries", [STORY, STORY[:1], [entry(0, "trained")], [entry(10, "promoted")]])
def test_the_timeline_is_valid_and_within_its_frame(entries):
    drawn = ET.fromstring(str(timeline(told(entries))))
    width, height = map(float, drawn.attrib["viewBox"].split()[2:])
    assert width == WIDTH
    for one in drawn.iter("rect"):
        assert float(one.attrib["x"]) >= 0
        assert float(one.attrib["x"]) + float(one.attrib["width"]) <= width + 3
        assert float(one.attrib["y"]) + float(one.attrib["height"]) <= height
    for one in drawn.iter("circle"):
        assert 0 <= float(one.attrib["cx"]) <= width
        assert 0 <= float(one.attrib["cy"]) <= height


def test_times_run_from_left_to_right():
    scale = Scale(NOON, NOW)
    places = [scale.x(NOON + timedelta(days=at)) for at in (-1, 0, 5, 10, 11)]
    assert places == sorted(places)
    assert places[0] == places[1]
    assert places[3] == places[4] <= WIDTH


def test_the_page_tells_everything_escaped_without_a_script_and_with_links():
    page = history_page([told()], NOW)
    assert "<script" not in page
    assert "It was &lt;script&gt;alert(1)&lt;/script&gt; worse." in page
    assert "Churn &amp; co" in page
    assert f"The champion is <code>{FIRST}</code>, since 09 Mar 2026, 12:00:00 UTC" in page
    assert '<a href="http://mlflow/#/runs/b">' in page
    assert "0.0123" in page
    assert re.findall(r'class="badge \w+">([^<]+)<', page)[:2] == ["rolled back", "challenged"]
    assert 'href="javascript' not in history_page([told([entry(0, "promoted", page="javascript:alert(1)")])], NOW)


def test_a_table_without_entries_or_without_a_champion_says_so():
    assert "The ledger has nothing about this table yet" in history_page([told([])], NOW)
    assert "No model of this table is champion yet" in history_page([told([entry(0, "registered")])], NOW)


class Store:
    """The rows of reports."""

    def reports(self, limit, table=None):
        return REPORTS[:limit] if table == "churn" else []


def test_a_long_ledger_is_cut_and_says_so_and_the_index_links_to_the_page(tmp_path):
    ledger, tables = MemoryLedger(), [("churn", "Churn"), ("rides", "Rides")]
    write_index(tmp_path, [], [], NOW)
    assert "history.html" not in (tmp_path / "reports.html").read_text()
    for at in range(MAX_ENTRIES + 1):
        ledger.append(entry(at / 1_000, "decided", None, "react", f"Reason {at}."))
    page = write_history(tmp_path, ledger, Store(), tables, NOW).read_text()
    assert page.count("<tr>") == 1 + MAX_LISTED
    assert f"Reason {MAX_ENTRIES}." in page
    assert "The ledger has older entries" in page
    assert f"These are the newest {MAX_LISTED}" in page
    assert page.index('id="churn"') < page.index('id="rides"')
    write_index(tmp_path, [], [], NOW)
    assert '<a href="history.html">' in (tmp_path / "reports.html").read_text()


def test_what_is_written_again_appears_whole(tmp_path):
    write_history(tmp_path, MemoryLedger(), Store(), [("churn", "Churn")], NOW)
    first = (tmp_path / "history.html").read_text()
    write_history(tmp_path, MemoryLedger(), Store(), [("churn", "Churn")], NOW)
    assert (tmp_path / "history.html").read_text() == first
    assert [path.name for path in tmp_path.iterdir()] == ["history.html"]
