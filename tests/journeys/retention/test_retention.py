"""`make retention` against a real store and registry: what is old goes, what is needed stays, and it says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from embedded.layout import PROJECT
from model_orchestration.retention.flow import NOTHING_SET, retain_tables
from tabular.ledger.entry import LedgerEntry
from tabular.predictions.block import Block
from tabular.predictions.label import Label
from tabular.predictions.prediction import Prediction, new_ids
from tabular.wiring import Wiring

OLD, DAYS = timedelta(days=200), 60.0
COUNT = 3_000


@pytest.fixture
def wiring(ministack, store, mlflow_server, settings, database, contract, tmp_path) -> Wiring:
    given = {
        "mongo_database": database,
        "s3_bucket": f"retention-{uuid.uuid4().hex[:12]}",
        "model_name": f"retention-{uuid.uuid4().hex[:12]}",
        "reports_dir": tmp_path,
        "retention_predictions_days": DAYS,
    }
    return Wiring(msgspec.structs.replace(settings, **given), contract)


@pytest.fixture
def predicted(wiring, contract) -> tuple[set[str], set[str]]:
    """The ids of old predictions, every second one labelled, and of as many new ones."""
    writer, labels = wiring.predictions(), wiring.labels()
    now, made = datetime.now(UTC), []
    for begin in (now - OLD, now - timedelta(days=1)):
        fields = {"table": contract.table.name, "run_id": "aaaa", "contract": contract.digest, "source": "api"}
        made.append(
            [
                Prediction(id=known, made_at=begin + timedelta(milliseconds=at), row={}, score=0.5, **fields)
                for at, known in enumerate(new_ids(COUNT))
            ]
        )
        writer.save(made[-1])
    labelled = [one for several in made for one in several[::20]]
    outcome = contract.target.classes[0]
    labels.save(
        [
            Label(table=one.table, outcome=outcome, received_at=now, source="api", prediction_id=one.id)
            for one in labelled
        ]
    )
    writer.close()
    labels.close()
    return {one.id for one in made[0]}, {one.id for one in made[1]}


def stored(wiring) -> set[str]:
    reader = wiring.predictions()
    try:
        return {one.id for one in reader.latest(10 * COUNT)}
    finally:
        reader.close()


def test_nothing_goes_unless_a_setting_says_so(wiring, predicted):
    settings = msgspec.structs.replace(wiring.settings, retention_predictions_days=0.0)
    said, went_well = retain_tables([Wiring(settings, wiring.contract)], dry=False)
    assert went_well
    assert said == [f"{wiring.contract.table.name}: {NOTHING_SET}"]
    assert len(stored(wiring)) == 2 * COUNT


def test_what_is_old_goes_and_blocks_alarms_and_what_is_new_stay(wiring, predicted):
    old, new = predicted
    blocks, ledger, table = wiring.blocks(), wiring.ledger(), wiring.contract.table.name
    begin = datetime.now(UTC) - OLD
    counted = {"rows": 9, "read_rows": 9, "mean_score": 0.5, "counted": (), "held": ()}
    blocks.save(Block(table=table, run_id="aaaa", bundle="b", since=begin, until=begin + timedelta(hours=1), **counted))
    ledger.append(LedgerEntry(at=begin, table=table, kind="alarmed", run_id="aaaa", who="monitor", why="drift"))

    said, went_well = retain_tables([wiring], dry=True)
    assert went_well
    assert f"{table}: predictions: {COUNT:,} would be deleted. Kept: from " in said[0]
    assert "label_window_days" in said[0]
    assert stored(wiring) == old | new

    said, went_well = retain_tables([wiring], dry=False)
    assert went_well
    assert f"{table}: predictions: {COUNT:,} deleted" in said[0]
    assert stored(wiring) == new
    assert [block.rows for block in blocks.blocks("aaaa", begin - OLD)] == [9]
    assert [entry.kind for entry in ledger.entries(table)] == ["deleted", "alarmed"]
    assert ledger.entries(table)[0].evidence == {"predictions": float(COUNT)}

    said, _ = retain_tables([wiring], dry=False)
    assert f"{table}: predictions: 0 deleted" in said[0]
    assert len(ledger.entries(table)) == 2, "nothing went, so that nothing is entered"
    blocks.close()
    ledger.close()


RETAIN = """
from model_orchestration.retention.flow import retain_tables
from tabular.contract.loading import load_contract
from tabular.wiring import Wiring, wire
settings = wire().settings
print("begins", flush=True)
print(retain_tables([Wiring(settings, load_contract(settings.contract))], dry=False), flush=True)
"""


def test_one_that_is_killed_leaves_nothing_inconsistent_and_the_next_goes_on(wiring, predicted):
    old, new = predicted
    settings = wiring.settings
    names = ("mongo_uri", "mongo_database", "mlflow_tracking_uri", "model_name", "retention_predictions_days")
    given = {name.upper(): str(getattr(settings, name)) for name in names}
    with subprocess.Popen(
        [sys.executable, "-c", RETAIN],
        env={**os.environ, **given},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "begins\n"
        while process.poll() is None and len(stored(wiring)) == 2 * COUNT:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    left = stored(wiring)
    assert new <= left <= old | new
    reader = wiring.predictions()
    labelled = {one.id for one in reader.labelled_latest(10 * COUNT, "aaaa")}
    assert labelled <= left
    assert len(labelled & new) == COUNT // 20
    reader.close()
    _, went_well = retain_tables([wiring], dry=False)
    assert went_well
    assert stored(wiring) == new
