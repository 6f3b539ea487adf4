"""The folder of reports: whole pages, sortable names, an index of what is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reporting.publish import TableNews, report_name, write_index, write_page
from tabular.process.private_files import OWNER_ALONE

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def row(name: str, table: str = "t") -> dict:
    shown = {
        "finding": f"ok {name}",
        "table": table,
        "title": f"{table} title",
        "run_id": "r",
        "rows": 1,
        "labels": 0,
        "has_drift": False,
    }
    return {"file": name, "made_at": NOW, **shown}


def test_names_sort_by_time_and_never_clash():
    moments = [NOW + timedelta(microseconds=step) for step in (0, 1, 1_000_000, 60_000_000)]
    names = [report_name("t", moment) for moment in moments]
    assert names == sorted(names)
    assert len({report_name("t", NOW) for _ in range(50)}) == 50


@pytest.fixture
def private_umask() -> Iterator[None]:
    before = os.umask(OWNER_ALONE)
    yield
    os.umask(before)


@pytest.mark.usefixtures("private_umask")
def test_a_page_is_replaced_whole_readable_and_leaves_no_draft(tmp_path):
    for text in ("first", "second"):
        path = write_page(tmp_path / "reports", "a.html", text)
    assert path.read_text() == "second"
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert [found.name for found in path.parent.iterdir()] == ["a.html"]


def test_the_index_lists_only_pages_that_are_there_and_in_the_folder(tmp_path):
    write_page(tmp_path / "reports", "here.html", "x")
    (tmp_path / "outside.html").write_text("x")
    rows = [row("here.html"), row("gone.html"), row("../outside.html")]
    page = write_index(tmp_path / "reports", rows, [TableNews("t", "t title")], NOW)
    text = page.read_text()
    assert 'href="here.html"' in text
    assert "gone.html" not in text
    assert "outside.html" not in text


def test_the_reports_are_indexed_by_table_those_of_the_stack_first_each_with_its_own_news(tmp_path):
    for name in ("a1.html", "b1.html", "gone1.html"):
        write_page(tmp_path, name, "x")
    rows = [row("gone1.html", "gone"), row("b1.html", "b"), row("a1.html", "a")]
    news = [TableNews("a", "A rides"), TableNews("b", "B rides", "Too few predictions"), TableNews("c", "C rides")]
    text = write_index(tmp_path, rows, news, NOW).read_text()
    parts = text.split("<h2 ")[1:]
    assert [part.split('"')[1] for part in parts] == ["a", "b", "c", "gone"]
    assert ["a1.html" in part for part in parts] == [True, False, False, False]
    assert ["b1.html" in part for part in parts] == [False, True, False, False]
    assert ["Too few predictions" in part for part in parts] == [False, True, False, False]
    assert "There is no report yet." in parts[2]
    assert '<a href="#gone">gone title</a>' in text
