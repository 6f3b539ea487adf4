"""The pages of a table's reports. Their figures are in the store, and stay: the model history draws them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from model_orchestration.retention.part import Part


def old_pages(folder: Path, table: str, days: float, now: datetime, *, dry: bool) -> Iterator[Part]:
    """Delete them, or count them, with what lies beside each under its name; raises OSError.

    The index names those that are there once the next report is written.
    """
    if not days:
        return
    before = now - timedelta(days=days)
    by_time: dict[datetime, list[Path]] = {}
    for path in folder.glob(f"report-{table}-*"):
        if (made_at := _made_at(path.name, table)) is not None:
            by_time.setdefault(made_at, []).append(path)
    newest = max(by_time, default=now)
    old = [made_at for made_at in by_time if made_at < before and made_at != newest]
    for path in () if dry else (path for made_at in old for path in by_time[made_at]):
        path.unlink(missing_ok=True)
    kept = [f"from {before:%Y-%m-%d %H:%M} UTC on by RETENTION_REPORTS_DAYS={days:g}", "the newest; the figures of all"]
    yield Part("report pages", len(old), kept)


def _made_at(name: str, table: str) -> datetime | None:
    found = re.match(rf"report-{re.escape(table)}-(\d{{8}}T\d{{6}}\.\d{{1,6}})Z-", name)
    return datetime.strptime(found.group(1), "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC) if found else None
