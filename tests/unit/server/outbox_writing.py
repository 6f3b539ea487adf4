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

from server.outbox.label_relay import LabelRelay
from server.outbox.relay import Relay
from tabular.predictions.label import Label
from tabular.predictions.prediction import Prediction
from tests.adapters.memory.labels import MemoryLabels
from tests.adapters.memory.ledger import MemoryLedger

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


def label(name: str = "p", outcome: str = "left", **changes) -> Label:
    fields = {"table": "t", "prediction_id": name, "received_at": datetime(2026, 3, 2, tzinfo=UTC), "source": "api"}
    return Label(outcome=outcome, **(fields | changes))


def relay_of(outbox, store, labels: MemoryLabels | None = None, ledger: MemoryLedger | None = None) -> Relay:
    """The relay of an outbox, whose labels and ledger are in memory."""
    return Relay(outbox, store, LabelRelay(outbox.folder, labels or MemoryLabels(), ledger or MemoryLedger()))


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
