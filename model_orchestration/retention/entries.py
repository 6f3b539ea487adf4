"""Routine entries of a table's ledger. What served when, and every alarm, stays for `make live` and the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from model_orchestration.retention.part import MOST_COUNTED, Part, in_batches
from tabular.ledger.entry import Kind
from tabular.ports.retention import RetentionStore

ROUTINE: tuple[Kind, ...] = ("labels_arrived", "decided", "trained", "rejected")
LEAST_DAYS = 90.0
"""The policy of retraining looks back so far for its own decisions."""


def old_entries(table: str, days: float, store: RetentionStore, now: datetime, *, dry: bool) -> Iterator[Part]:
    """Delete them, or count them; raises Unavailable."""
    if not days:
        return
    before = now - timedelta(days=max(days, LEAST_DAYS))
    if dry:
        count = store.count_entries(table, before, ROUTINE, MOST_COUNTED)
    else:
        count = in_batches(partial(store.delete_entries, table, before, ROUTINE))
    what = f"RETENTION_LEDGER_DAYS={days:g}" + (f", of which {LEAST_DAYS:g} is the least" if days < LEAST_DAYS else "")
    kept = [
        f"from {before:%Y-%m-%d %H:%M} UTC on by {what}",
        f"promotions, alarms and all else but {', '.join(ROUTINE)}, whatever their age",
    ]
    yield Part("ledger entries", count, kept)
