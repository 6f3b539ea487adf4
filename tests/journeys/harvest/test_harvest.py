"""Labelled predictions of a real store become a version of a real feature store, from the command on."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.harvest.__main__ import main
from model_orchestration.data.version_commands import main as versions
from model_orchestration.init_aws import init_aws
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.predictions.label import LATE_AFTER, Label
from tabular.predictions.prediction import Prediction, new_id
from tabular.wiring import Wiring
from tests.conftest import random_records

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def wiring(ministack, store, settings, database) -> Wiring:
    given = {"s3_bucket": f"harvest-{uuid.uuid4().hex[:12]}", "mongo_database": database}
    wiring = Wiring(
        msgspec.structs.replace(settings, contract=PROJECT / "contracts" / "telecom_churn.toml", **given)
    ).for_table("")
    wiring.objects().ensure_bucket()
    feature_store.publish(
        wiring.objects(), wiring.contract, make_table(wiring.contract, 500, 1), "synthetic", synthetic=True
    )
    return wiring


@pytest.fixture
def predicted(wiring) -> Callable[..., list[Prediction]]:
    """Stores predictions with labels: of all, or of the first so many."""

    def make(count: int, labelled: int | None = None, run_id: str = "first", minutes: int = 0) -> list[Prediction]:
        contract, writer = wiring.contract, wiring.predictions()
        made = [
            Prediction(
                id=new_id(),
                made_at=NOON + timedelta(minutes=minutes, seconds=at),
                table=contract.table.name,
                run_id=run_id,
                contract=contract.digest,
                source="api",
                row=record,
                score=at / count,
            )
            for at, record in enumerate(random_records(contract, count, minutes))
        ]
        writer.save(made)
        classes = contract.target.classes
        now = datetime.now(UTC)
        about = {"table": contract.table.name, "received_at": now, "source": "file"}
        labels = [
            Label(prediction_id=one.id, outcome=classes[at % 2], **about) for at, one in enumerate(made[:labelled])
        ]
        assert wiring.labels().save(labels).attached == len(labels)
        time.sleep(LATE_AFTER.total_seconds() + 1)
        return made

    return make


def test_a_harvest_is_a_new_version_with_its_lineage(wiring, predicted, capsys):
    predicted(60, labelled=40)
    predicted(20, run_id="second", minutes=10)
    parent = feature_store.latest(wiring.objects(), wiring.contract)
    assert main([], wiring) == 0
    told = capsys.readouterr().out
    version = feature_store.latest(wiring.objects(), wiring.contract)
    lineage = version.harvested
    assert lineage.until < datetime.now(UTC)
    assert (version.rows, version.synthetic) == (560, True)
    assert (lineage.parent, lineage.rows, lineage.parent_rows) == (parent.sha256, 60, 500)
    assert lineage.runs == {"first": 40, "second": 20}
    assert sum(decile.predictions for decile in lineage.coverage) == 80
    assert sum(decile.labelled for decile in lineage.coverage) == 60
    assert "560: 500 of the parent, 60 harvested" in told
    assert len(feature_store.load(wiring.objects(), wiring.contract)) == 560
    assert versions(["list"], wiring) == 0
    assert f"appended to {parent.sha256[:12]}" in capsys.readouterr().out


def test_in_the_place_of_the_table_only_what_was_predicted_is_left(wiring, predicted):
    predicted(150)
    assert main(["--mode", "replace"], wiring) == 0
    version = feature_store.latest(wiring.objects(), wiring.contract)
    assert (version.rows, version.harvested.parent_rows) == (150, 0)


def test_the_same_harvest_is_no_second_version(wiring, predicted, capsys):
    predicted(30)
    parent = feature_store.latest(wiring.objects(), wiring.contract)
    feature_store.mark_accepted(wiring.objects(), wiring.contract, parent.sha256)
    assert [main(["--until", "2100-01-01"], wiring), main([], wiring)] == [0, 0]
    assert len(feature_store.versions(wiring.objects(), wiring.contract)) == 2
    assert "already there" in capsys.readouterr().out


def test_a_table_that_the_checks_refuse_is_not_published(wiring, predicted, capsys):
    predicted(30)
    parent = feature_store.latest(wiring.objects(), wiring.contract)
    assert main(["--mode", "replace"], wiring) == 1
    assert "rows: are 30 (allowed: at least 100)" in capsys.readouterr().err
    assert feature_store.latest(wiring.objects(), wiring.contract) == parent


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "no labelled prediction"),
        (["--since", "yesterday"], "since='yesterday' is no date"),
        (["--until", "2026-13-01"], "until='2026-13-01' is no date"),
    ],
)
def test_what_cannot_be_harvested_is_said_and_changes_nothing(wiring, capsys, given, why):
    assert main(given, wiring) == 1
    assert why in capsys.readouterr().err
    assert len(feature_store.versions(wiring.objects(), wiring.contract)) == 1


def test_a_corrected_label_takes_the_place_of_the_row_that_was_harvested_before(wiring, predicted):
    [first, *_] = predicted(30)
    assert main([], wiring) == 0
    once = feature_store.latest(wiring.objects(), wiring.contract)
    now, other = datetime.now(UTC), wiring.contract.target.classes[1]
    label = Label(
        table=wiring.contract.table.name, prediction_id=first.id, outcome=other, received_at=now, source="file"
    )
    assert wiring.labels().save([label]).corrected == 1
    time.sleep(LATE_AFTER.total_seconds() + 1)
    assert main([], wiring) == 0
    again = feature_store.latest(wiring.objects(), wiring.contract)
    assert (again.harvested.parent, again.harvested.since) == (once.sha256, once.harvested.until)
    assert (again.rows, again.harvested.rows, again.harvested.replaced_rows) == (530, 1, 1)
    assert feature_store.load(wiring.objects(), wiring.contract).raw_target.iloc[-1] == other


def test_the_next_start_keeps_what_was_harvested_unless_a_file_is_named(wiring, predicted, tmp_path, capsys):
    own = Wiring(msgspec.structs.replace(wiring.settings, state_dir=tmp_path), wiring.contract)
    init_aws(own)  # the synthetic rows that a start without a file makes
    base = feature_store.latest(wiring.objects(), wiring.contract)
    predicted(30)
    assert main([], own) == 0
    harvested = feature_store.latest(wiring.objects(), wiring.contract)
    capsys.readouterr()
    init_aws(own)
    assert "It is kept, with the labels that it has" in capsys.readouterr().out
    assert feature_store.latest(wiring.objects(), wiring.contract) == harvested

    file = tmp_path / "table.csv"
    file.write_bytes(make_table(wiring.contract, 700, 3))
    named = Wiring(msgspec.structs.replace(own.settings, dataset_csv=str(file)), wiring.contract)
    init_aws(named)
    assert feature_store.latest(wiring.objects(), wiring.contract).rows == 700
    assert base.sha256 in feature_store.ancestors(wiring.objects(), wiring.contract, harvested)
