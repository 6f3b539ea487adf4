"""What the monitor's page and the API's readiness say, read by the names that these services really use."""

from __future__ import annotations

import re

import pytest

from embedded.layout import PROJECT
from reporting.front_page import live
from reporting.front_page.live import live_runs
from reporting.front_page.served import Served, served_tables
from tests.unit.reporting.front_page.story import FIRST, READINESS, SECOND, TABLE, gauges


def test_each_run_of_a_table_has_its_gauges_the_busiest_first():
    page = gauges(FIRST, drift=1) + gauges(SECOND).replace(" 1000\n", " 4000\n") + gauges("x", "rides")
    found = live_runs(page.encode())
    assert {*found} == {TABLE, "rides"}
    busiest, other = found[TABLE]
    assert (busiest.run_id, busiest.rows, other.run_id) == (SECOND, 4000, FIRST)
    assert (busiest.raised, other.raised) == ([], ["drift"])
    assert other.features == ["credit_limit", "gender"]
    assert other.drifted_features == ["credit_limit"]
    assert (other.quality, other.reference) == ({"roc_auc": 0.771}, {"roc_auc": 0.802})
    assert (other.estimated_low, other.estimated_high) == ({"roc_auc": 0.76}, {"roc_auc": 0.82})


@pytest.mark.parametrize("page", [b"", b"<html>", b"monitor_alarm{", b'monitor_alarm{kind="drift"} 1\n', b"\xff\xfe"])
def test_what_is_no_page_of_metrics_says_nothing(page):
    assert live_runs(page) == {}


def test_a_page_that_was_cut_short_gives_what_it_holds():
    page = gauges().encode()
    assert live_runs(page[: len(page) - 30])[TABLE][0].rows == 1000


def test_every_gauge_that_is_read_is_one_that_the_monitor_shows():
    reference = (PROJECT / "docs/reference/metrics.md").read_text()
    known = dict(re.findall(r"^\| `([a-z0-9_]+)` \| gauge \| ([^|]*) \|", reference, re.MULTILINE))
    for name in live._NUMBERS:
        assert "`run_id`" in known[name]
    for name, (_, label) in live._BY_LABEL.items():
        assert f"`{label}`" in known[name]


def test_what_is_served_is_what_the_api_says():
    assert served_tables(READINESS.encode()) == {TABLE: Served(SECOND, is_synthetic=True)}
    nothing = b'{"tables": {"churn": {"status": "no model", "reason": "train one first"}}}'
    assert served_tables(nothing) == {"churn": Served(why_none="train one first")}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"tables": 3}', b"<html>", b'{"tables": {"a": 1}}'])
def test_what_is_no_readiness_says_nothing(body):
    assert served_tables(body) == {}
