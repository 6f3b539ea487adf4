"""Writes the page "Model history" beside the reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reporting.history.chart import timeline
from reporting.history.timeline import History, history
from reporting.publish import HISTORY, write_page
from reporting.rendering import page_environment
from tabular.ledger.table import word
from tabular.ports.ledger import Ledger
from tabular.ports.predictions import PredictionReader

MAX_ENTRIES = 1_000
MAX_LISTED = 200
"""Entries of a table that are drawn, and that are listed under it."""
MAX_REPORTS = 1_000


def write_history(
    folder: Path, ledger: Ledger, store: PredictionReader, tables: Sequence[tuple[str, str]], now: datetime
) -> Path:
    """Write the page of these tables, by name and title, as the ledger has them now; returns its path.

    Raises Unavailable without the store, and OSError.
    """
    return write_page(
        folder, HISTORY, history_page([read_history(ledger, store, *table, now) for table in tables], now)
    )


def read_history(ledger: Ledger, store: PredictionReader, name: str, title: str, now: datetime) -> History:
    """The history of a table as the ledger and the reports have it now; raises Unavailable without the store."""
    entries = ledger.entries(table=name, limit=MAX_ENTRIES + 1)
    reports = store.reports(MAX_REPORTS, table=name)
    return history(name, title, entries[:MAX_ENTRIES], reports, now, left_out=len(entries) > MAX_ENTRIES)


def history_page(tables: Sequence[History], made_at: datetime) -> str:
    """The page. Everything that comes from the ledger is escaped."""
    return (
        page_environment()
        .get_template("history.html")
        .render(
            tables=tables,
            timelines={table.name: timeline(table) for table in tables},
            word=word,
            most=MAX_LISTED,
            made_at=made_at,
        )
    )
