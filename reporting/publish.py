"""The folder of reports: pages appear whole or not at all, and the index is written anew with each."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reporting.rendering import page_environment

FRONT_PAGE, INDEX, HISTORY = "index.html", "reports.html", "history.html"
MAX_INDEXED = 500
NEWEST, WINDOW, COMPARISON = "newest", "window", "comparison"
"""The kinds of a report: on the last hours, as the schedule writes it; on a window that was named; on anything else."""
MAX_ABOUT = 100
"""Characters of a file's name that say what the report is about."""


@dataclass(frozen=True)
class TableIndex:
    """The report rows on one table (as `reporting.report.summary` makes them), newest first; `note` is today's news."""

    name: str
    title: str
    reports: Sequence[Mapping[str, Any]]
    note: str = ""

    @property
    def newest(self) -> Mapping[str, Any] | None:
        """The newest report on the last hours: what was asked for besides says nothing of how things are."""
        return next((row for row in self.reports if row.get("kind", NEWEST) == NEWEST), None)


@dataclass(frozen=True)
class TableNews:
    """A table of the stack, its name and title, and why there is no new report on it, if there is none."""

    name: str
    title: str
    note: str = ""


def index_page(tables: Sequence[TableIndex], ran_at: datetime, *, has_history: bool = False) -> str:
    """The index of the reports on every table; one table alone needs no headings. `has_history`: link to that page."""
    template = page_environment().get_template("index.html")
    return template.render(tables=tables, ran_at=ran_at, has_history=has_history)


def report_name(table: str, made_at: datetime, about: str = "") -> str:
    """A name that sorts by table and time, is not given twice, even within a microsecond, and says what it is about."""
    plain = re.sub(r"[^a-z0-9]+", "-", about.lower())[:MAX_ABOUT].strip("-")
    return "-".join(filter(None, ["report", table, f"{made_at:%Y%m%dT%H%M%S.%fZ}", plain, secrets.token_hex(3)]))


def write_page(folder: Path, name: str, page: str) -> Path:
    """Write one page atomically, readable by the web server; returns its path."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # unlike all else that services write: the web server may be another user
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        Path(draft).chmod(0o644)
        return Path(draft).replace(folder / name)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def write_index(folder: Path, rows: Sequence[Mapping[str, Any]], tables: Sequence[TableNews], ran_at: datetime) -> Path:
    """Write the index of those reports (newest first) whose page is in the folder, by table.

    The stack's tables come first, then those of earlier reports.
    """
    there = [row for row in rows if (folder / Path(str(row.get("file", ""))).name).is_file()]
    named = {news.name: news for news in tables}
    for row in there:
        named.setdefault(str(row["table"]), TableNews(str(row["table"]), str(row["title"])))
    sections = [
        TableIndex(news.name, news.title, [row for row in there if row["table"] == news.name], news.note)
        for news in named.values()
    ]
    has_history = (folder / HISTORY).is_file()
    return write_page(folder, INDEX, index_page(sections, ran_at, has_history=has_history))
