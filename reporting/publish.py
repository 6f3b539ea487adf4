"""The folder of reports: pages appear whole or not at all, and the index is written anew with each."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reporting.page import index_page

INDEX = "index.html"
MAX_INDEXED = 500


def report_name(made_at: datetime) -> str:
    """A name that sorts by time and is not given twice, even within a microsecond."""
    return f"report-{made_at:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}"


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


def write_index(folder: Path, rows: Sequence[Mapping[str, Any]], note: str, ran_at: datetime) -> Path:
    """Write the index of those reports (newest first) whose page is in the folder."""
    there = [row for row in rows if (folder / Path(str(row.get("file", ""))).name).is_file()]
    return write_page(folder, INDEX, index_page(there, note, ran_at))
