"""A day of a table with two champions, an alarm, labels and reports, in stores in memory; and services over HTTP."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from reporting.front_page.table_view import Stores
from tabular.ledger.entry import LedgerEntry
from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock
from tabular.predictions.prediction import Prediction
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.memory.ledger import MemoryLedger
from tests.adapters.memory.predictions import MemoryPredictions

TABLE, TITLE = "churn", "Churn & co"
FIRST, SECOND = "a" * 32, "b" * 32
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=24, seconds=30)
FIVE_MINUTES = timedelta(minutes=5)
BLOCKS = 288
SHIFT_AT = 180


def entry(hours: float, what: str, run_id: str = FIRST, why: str = "A reason.", **evidence) -> LedgerEntry:
    at = BEGIN + timedelta(hours=hours)
    return LedgerEntry(at=at, table=TABLE, kind=what, run_id=run_id, who="gate", why=why, evidence=evidence)


LEDGER = [
    entry(-0.2, "registered", FIRST, data_version="f" * 64, version="1"),
    entry(-0.1, "promoted", FIRST),
    entry(16, "alarmed", FIRST, "It drifted.", kind="drift"),
    entry(17, "registered", SECOND, data_version="e" * 64, version="2"),
    entry(17.5, "challenged", SECOND),
    entry(20, "promoted", SECOND),
    entry(20.1, "alarm_ended", FIRST, "It is over.", kind="drift"),
]


def block(at: int, run_id: str = FIRST, **changes) -> Block:
    shifted = at >= SHIFT_AT and run_id == FIRST
    fields = {
        "table": TABLE,
        "run_id": run_id,
        "bundle": "d",
        "since": BEGIN + at * FIVE_MINUTES,
        "until": BEGIN + (at + 1) * FIVE_MINUTES,
        "rows": 300 + round(120 * math.sin(at / 20)),
        "read_rows": 300,
        "mean_score": 0.16 + 0.02 * math.sin(at) + 0.05 * shifted,
        "counted": (300,),
        "held": (150,),
        "distance": 0.05 + 0.01 * math.cos(at) + 0.3 * shifted,
        "feature": "credit_limit" if shifted else "gender",
        "estimates": {"roc_auc": 0.8 - 0.02 * shifted, "log_loss": 0.36},
    }
    return Block(**(fields | changes))


def loss_block(at: int, run_id: str = FIRST, **changes) -> LossBlock:
    shifted = at >= SHIFT_AT and run_id == FIRST
    fields = {
        "table": TABLE,
        "run_id": run_id,
        "bundle": "d",
        "since": BEGIN + at * FIVE_MINUTES,
        "until": BEGIN + (at + 1) * FIVE_MINUTES,
        "rows": 100,
        "read_rows": 100,
        "mean_loss": 0.11 + 0.005 * math.sin(at) + 0.06 * shifted,
        "counts": (100.0,),
        "measures": {"roc_auc": 0.79 + 0.03 * math.sin(at) - 0.1 * shifted, "log_loss": 0.37},
    }
    return LossBlock(**(fields | changes))


def told_stores(folder: Path) -> Stores:
    """The story as it is stored; the page of the newest report is in the folder."""
    predictions, ledger = MemoryPredictions(), MemoryLedger()
    blocks, losses = MemoryBlocks(), MemoryBlocks()
    for one in LEDGER:
        ledger.append(one)
    for at in range(BLOCKS):
        run_id = FIRST if at < 240 else SECOND
        blocks.save(block(at, run_id))
        losses.save(loss_block(at, run_id))
    for at in range(600):
        predictions.save([prediction(at, "stream" if at % 3 else "api")])
    for at, (name, has_drift) in enumerate((("report-1.html", False), ("report-2.html", True), ("gone.html", True))):
        predictions.save_report(report(name, at, has_drift=has_drift))
    for name in ("report-1.html", "report-2.html", "history.html"):
        (folder / name).write_text("<!doctype html>")
    return Stores(predictions, ledger, blocks, losses, folder)


def report(name: str, at: int, *, has_drift: bool) -> dict:
    finding = "Drift: 1 of 11 features moved." if has_drift else "No drift."
    told = {"finding": finding, "has_drift": has_drift, "rows": 3_000, "labels": 900, "run_id": FIRST}
    made_at = BEGIN + timedelta(hours=14 + at)
    return {"_id": name, "file": name, "table": TABLE, "title": TITLE, "made_at": made_at, "quality": None, **told}


def prediction(at: int, source: str) -> Prediction:
    return Prediction(
        id=f"p{at}",
        made_at=NOW - timedelta(seconds=1 + at),
        run_id=SECOND,
        contract="c" * 64,
        table=TABLE,
        source=source,
        row={"gender": "F"},
        score=0.2,
    )


def gauges(run_id: str = SECOND, table: str = TABLE, **alarms: float) -> str:
    """A page of the monitor's: two features, of which one drifted, quality measured and estimated, an alarm."""
    of = f'run_id="{run_id}",table="{table}"'
    lines = [
        f"monitor_window_rows{{{of}}} 1000",
        f"monitor_score_mean{{{of}}} 0.21",
        f"monitor_quality_labelled_predictions{{{of}}} 480",
        *_of_feature(of, "credit_limit", 0.31, 0.00001, 3.1, 1),
        *_of_feature(of, "gender", 0.04, 0.6, 0.4, 0),
        f'monitor_quality{{metric="roc_auc",{of}}} 0.771',
        f'monitor_quality_low{{metric="roc_auc",{of}}} 0.71',
        f'monitor_quality_high{{metric="roc_auc",{of}}} 0.83',
        f'monitor_quality_reference{{metric="roc_auc",{of}}} 0.802',
        f'monitor_estimated_quality{{metric="roc_auc",{of}}} 0.793',
        f'monitor_estimated_quality_low{{metric="roc_auc",{of}}} 0.76',
        f'monitor_estimated_quality_high{{metric="roc_auc",{of}}} 0.82',
        f'monitor_alarm{{kind="drift",{of}}} {alarms.get("drift", 0)}',
        f'monitor_alarm_start_timestamp_seconds{{kind="drift",{of}}} {(BEGIN + timedelta(hours=16)).timestamp()}',
    ]
    return "\n".join(lines) + "\n"


def _of_feature(of: str, name: str, distance: float, p_value: float, severity: float, drifted: int) -> list[str]:
    labels = f'feature="{name}",{of}'
    return [
        f'monitor_feature_drift_distance{{method="ks_distance",{labels}}} {distance}',
        f'monitor_feature_drift_p_value{{method="ks",{labels}}} {p_value}',
        f"monitor_feature_drift_severity{{{labels}}} {severity}",
        f"monitor_feature_drifted{{{labels}}} {drifted}",
    ]


READINESS = (
    f'{{"status": "ready", "tables": {{"{TABLE}": {{"status": "ready", "model_run_id": "{SECOND}", '
    '"trained_on_synthetic_data": true}}}'
)


@contextmanager
def pages(found: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """A server of these paths, each with its status and body, for the duration of a block; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = found.get(self.path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
