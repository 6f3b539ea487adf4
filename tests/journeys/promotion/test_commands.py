"""`make ledger`, `live`, `promote`, `rollback` and `replay`, as modules, over a real registry and a real store."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta

import msgspec
import pymongo
import pytest

from server.scoring.model import ready_model
from server.stream.batch import predict
from tabular.ledger import __main__ as ledger_command
from tabular.ledger.entry import LedgerEntry
from tabular.ports.registry import BUNDLE
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import new_id
from tabular.promotion import __main__ as promotion_command
from tabular.promotion.champion import promote, roll_back
from tabular.promotion.parts import parts_of
from tabular.replay import __main__ as replay_command
from tabular.settings import with_values
from tabular.wiring import Wiring
from tests.conftest import random_records

UNKNOWN_RUN = "f" * 32


@pytest.fixture
def wiring(mlflow_server, store, settings, contract, database):
    return Wiring(with_values(settings, model_name=database, mongo_database=database), contract)


@pytest.fixture
def run_of(wiring):
    """Makes a run with a bundle."""

    def make(bundle, wiring=wiring):
        registry = wiring.registry()
        run_id = registry.start_run("trial", {"data_sha256": "d" * 64})
        registry.put_folder(run_id, bundle.folder, BUNDLE)
        registry.finish(run_id)
        return run_id

    return make


def printed(capsys, code, expected):
    out = capsys.readouterr()
    assert code == expected, out.out + out.err
    return out.out + out.err


# Promote and roll back


def test_an_engineer_promotes_and_rolls_back_with_a_reason(wiring, run_of, make_bundle, contract, capsys):
    first, second = (run_of(make_bundle(contract, seed=seed, rows=400)) for seed in (0, 1))
    command = ["promote", "--by", "ann", "--why", 'The "first" one; it\'s fine.']
    said = printed(capsys, promotion_command.main([*command, "--run-id", first], wiring), 0)
    assert f"is RUN_ID {first}" in said
    assert "Before it was none" in said
    printed(capsys, promotion_command.main([*command, "--run-id", second], wiring), 0)
    assert wiring.registry().champion() == second
    said = printed(capsys, promotion_command.main(["rollback", "--why", "It was worse."], wiring), 0)
    assert f"is RUN_ID {first}" in said
    assert f"Before it was {second}" in said
    assert wiring.registry().champion() == first
    said = printed(capsys, ledger_command.main(["show"], wiring), 0).splitlines()
    assert [[word in line for word in ("rolled back", second, first)] for line in said[1:]] == [
        [True, True, False],
        [False, True, False],
        [False, False, True],
    ]
    assert "engineer ann" in said[2]
    assert 'The "first" one; it\'s fine.' in said[2]


@pytest.mark.parametrize(
    ("given", "pinned", "reason"),
    [
        (["--run-id", UNKNOWN_RUN, "--why", "Why not?"], "", UNKNOWN_RUN),
        (["--run-id", "not a run!", "--why", "Why not?"], "", "not a run!"),
        (["--run-id", UNKNOWN_RUN], "", "why= is empty"),
        (["--run-id", UNKNOWN_RUN, "--why", "  "], "", "why= is empty"),
        (["--run-id", UNKNOWN_RUN, "--why", "x", "--table", "nothing"], "", "this stack has no table 'nothing'"),
        (["--run-id", UNKNOWN_RUN, "--why", "x", "--pinned", "abc"], "", "RUN_ID=abc is pinned"),
        (["--run-id", UNKNOWN_RUN, "--why", "x"], "def", "RUN_ID=def is pinned"),
    ],
)
def test_what_cannot_be_promoted_is_refused_by_name_and_changes_nothing(
    wiring, run_of, make_bundle, contract, capsys, given, pinned, reason
):
    champion = run_of(make_bundle(contract, rows=400))
    promote(parts_of(wiring), champion, "gate", "It passed.")
    pinned_wiring = Wiring(with_values(wiring.settings, run_id=pinned), contract)
    said = printed(capsys, promotion_command.main(["promote", *given], pinned_wiring), 1)
    assert said.startswith("not done: ")
    assert reason in said
    assert wiring.registry().champion() == champion
    assert len(wiring.ledger().entries()) == 1


def test_a_service_that_is_down_is_named(wiring, capsys):
    down = Wiring(with_values(wiring.settings, mlflow_tracking_uri="http://127.0.0.1:1"), wiring.contract)
    given = ["rollback", "--why", "It was worse."]
    assert "MLflow is not available" in printed(capsys, promotion_command.main(given, down), 3)
    down = Wiring(
        with_values(wiring.settings, mongo_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"), wiring.contract
    )
    for command in (["show"], ["live", "2026-01-01"]):
        assert "the prediction store is not available" in printed(capsys, ledger_command.main(command, down), 3)


# The ledger


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--since", "yesterday"], "since='yesterday' is no date or time"),
        (["--kind", "promoted,praised"], "kind='praised' is no kind of entry: choose among trained, rejected"),
        (["--n", "0"], "n=0 is no number of entries"),
        (["--table", "nothing"], "this stack has no table 'nothing'"),
    ],
)
def test_a_question_to_the_ledger_that_cannot_be_meant_is_refused(wiring, capsys, given, reason):
    assert reason in printed(capsys, ledger_command.main(["show", *given], wiring), 1)


def test_the_ledger_shows_the_newest_and_says_if_there_are_more(wiring, capsys):
    assert "no such entry yet" in printed(capsys, ledger_command.main(["show"], wiring), 0)
    table, ledger = wiring.contract.table.name, wiring.ledger()
    for day in range(1, 6):
        at = datetime(2026, 3, day, tzinfo=UTC)
        kind = "decided" if day % 2 else "alarm_ended"
        ledger.append(LedgerEntry(at=at, table=table, kind=kind, who="react", why=f"Day {day}\nof five."))
    said = printed(capsys, ledger_command.main(["show", "--n", "2"], wiring), 0).splitlines()
    assert [line[:10] for line in said[1:3]] == ["2026-03-05", "2026-03-04"]
    assert said[1].endswith("react  Day 5 of five.")
    assert "alarm ended" in said[2]
    assert said[4] == "These are the newest 2; to see more: n=20"
    asked = ["show", "--kind", "decided", "--since", "2026-03-02", "--until", "2026-03-05", "--table", table]
    said = printed(capsys, ledger_command.main(asked, wiring), 0).splitlines()
    assert [line[:10] for line in said[1:]] == ["2026-03-03"]


# What served then


def made_at(prediction, at):
    return msgspec.structs.replace(prediction, id=new_id(), made_at=at)


def test_what_served_then_is_told_and_checked_against_the_predictions(wiring, run_of, make_bundle, contract, capsys):
    bundles = [make_bundle(contract, seed=seed, rows=400) for seed in (0, 1)]
    first, second = map(run_of, bundles)
    before = datetime.now(UTC) - timedelta(seconds=1)
    parts = parts_of(wiring)
    assert "no champion by then" in printed(capsys, ledger_command.main(["live", before.isoformat()], wiring), 1)
    promote(parts, first, "gate", "It passed.")
    at_first = datetime.now(UTC)
    promote(parts, second, "engineer ann", "It is better.")
    at_second = datetime.now(UTC)
    roll_back(parts, "shadow", "It was worse.")
    at_third = datetime.now(UTC)
    told = {}
    for at, run in ((at_first, first), (at_second, second), (at_third, first)):
        said = printed(capsys, ledger_command.main(["live", at.isoformat()], wiring), 0)
        told[at] = dict(line.split(maxsplit=1) for line in said.splitlines())
        assert told[at]["run"] == run
        assert told[at]["data"] == f"version {'d' * 64}"
        assert told[at]["contract"] == contract.digest
        assert "nothing to compare with" in told[at]["predictions"]
    assert "promoted by engineer ann: It is better." in told[at_second]["since"]
    assert "rolled back by shadow" in told[at_third]["since"]
    assert "no champion by then" in printed(capsys, ledger_command.main(["live", before.isoformat()], wiring), 1)

    store = wiring.predictions()
    record = random_records(contract, 1, 0)[0]
    ours = ready_model(second, bundles[1]).one(bundles[1].codec.parse(record), "", "api")
    store.save([made_at(ours, at_second)])
    said = printed(capsys, ledger_command.main(["live", at_second.isoformat()], wiring), 0)
    assert f"about 1 by {second} within 5 minutes, as the ledger says" in said
    store.save([made_at(msgspec.structs.replace(ours, run_id=UNKNOWN_RUN), at_second)])
    said = printed(capsys, ledger_command.main(["live", at_second.isoformat()], wiring), 4)
    assert f"about 1 by {UNKNOWN_RUN}" in said
    assert "NOT only by the champion" in said
    store.close()


@pytest.mark.parametrize(
    ("at", "reason"), [("noon", "at='noon' is no date or time"), ("2999-01-01", "is yet to come"), ("", "at= is empty")]
)
def test_a_time_that_cannot_be_asked_about_is_refused(wiring, capsys, at, reason):
    assert reason in printed(capsys, ledger_command.main(["live", at], wiring), 1)


# A prediction once more


def stored(wiring, model, records):
    """A prediction of each source, in the store."""
    bundle, now = model.bundle, datetime.now(UTC)
    bodies = [json.dumps(record).encode() for record in records]
    api = model.one(bundle.codec.decode(bodies[0]), new_id(), "api")
    arrived = [StreamRecord("s@1", "0", "1", "k", bodies[1], now)]
    stream = predict(model, arrived).predictions[0]
    batch = list(model.many(model.columns.array(json.dumps(records[2:4]).encode(), 2), [new_id(), new_id()], "batch"))
    found = [api, stream, *batch]
    store = wiring.predictions()
    assert store.save(found) == len(found)
    store.close()
    return found


@pytest.mark.parametrize("family", ["xgboost", "linear"])
def test_a_prediction_of_each_source_replays_bit_identically(wiring, run_of, make_bundle, contract, capsys, family):
    bundle = make_bundle(contract, seed=3, rows=400, family=family)
    model = ready_model(run_of(bundle), bundle)
    records = random_records(contract, 4, 7)
    category = next(feature.name for feature in contract.features if not feature.is_numeric)
    records[1] |= {contract.features[0].name: None, category: "never seen before"}
    for prediction in stored(wiring, model, records):
        said = printed(capsys, replay_command.main([prediction.id], wiring), 0)
        assert said.endswith("every bit agrees\n")
        assert repr(prediction.score) in said


def test_a_prediction_whose_score_differs_in_the_last_bit_is_told(wiring, run_of, make_bundle, contract, capsys):
    bundle = make_bundle(contract, rows=400)
    prediction = stored(wiring, ready_model(run_of(bundle), bundle), random_records(contract, 4, 7))[0]
    (bits,) = struct.unpack("<q", struct.pack("<d", prediction.score))
    (other,) = struct.unpack("<d", struct.pack("<q", bits + 1))
    client = pymongo.MongoClient(wiring.settings.mongo_uri)
    data = client[wiring.settings.mongo_database]["data"]
    # Not by $set: nx-27017 keeps 15 digits of a number that is set in a document.
    data.replace_one({"_id": prediction.id}, {**data.find_one({"_id": prediction.id}), "score": other})
    client.close()
    said = printed(capsys, replay_command.main([prediction.id], wiring), 4)
    assert f"score        {other!r} DIFFERS: now {prediction.score!r}" in said
    assert "result       NOT the same: score" in said


def test_a_multiclass_prediction_replays_with_every_probability(wiring, run_of, multiclass_bundle, capsys):
    wiring = Wiring(wiring.settings, multiclass_bundle.contract)
    model = ready_model(run_of(multiclass_bundle, wiring), multiclass_bundle)
    records = random_records(multiclass_bundle.contract, 4, 1)
    for prediction in stored(wiring, model, records):
        said = printed(capsys, replay_command.main([prediction.id], wiring), 0)
        assert said.count("probability of ") == 3
        assert f"predicted class {prediction.predicted_class!r} agrees" in said


def test_a_prediction_that_is_not_there_or_whose_run_is_gone_is_told(wiring, make_bundle, contract, capsys):
    said = printed(capsys, replay_command.main([new_id()], wiring), 1)
    assert "is stored" in said
    bundle = make_bundle(contract, rows=400)
    prediction = stored(wiring, ready_model(UNKNOWN_RUN, bundle), random_records(contract, 4, 7))[0]
    assert UNKNOWN_RUN in printed(capsys, replay_command.main([prediction.id], wiring), 1)
