"""Predictions for an outbox, what waits in one, and a process of its own that writes to it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tabular.predictions.prediction import Prediction

ROOMY = 100_000_000
WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from server.outbox.queue import Outbox
from tabular.predictions.prediction import Prediction

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
outbox = Outbox(folder, 100_000_000, "normal")
for number in range(count):
    outbox.append([Prediction(id=f"{name}{number}", made_at=datetime.now(UTC), table="t", run_id="r",
                              contract="c", source="api",
                              row={"a": 1.5}, score=0.5)])
    print(f"{name}{number}", flush=True)
"""


def prediction(name: str = "p") -> Prediction:
    return Prediction(
        id=name,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        table="t",
        run_id="r",
        contract="c",
        source="api",
        row={"a": 0.1, "b": None, "c": "x"},
        score=0.1,
        warnings=("one",),
    )


def waiting(outbox) -> list[Prediction]:
    entries = outbox.oldest(10**9)
    return [each for entry in entries for each in msgspec.json.decode(entry.body, type=list[Prediction])]


def rejected(folder: Path) -> list[tuple[str, bytes]]:
    """Every document that the store rejected, as the outbox's first file keeps it: the reason and the document."""
    with closing(sqlite3.connect(folder / "outbox-000001.sqlite")) as connection:
        return connection.execute("SELECT reason, body FROM rejected ORDER BY id").fetchall()


def start_writer(folder, name, count) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
