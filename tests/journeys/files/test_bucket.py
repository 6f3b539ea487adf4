"""Files under a prefix of a real bucket: each is scored once as it stands there, whatever happens in between."""

from __future__ import annotations

import json
import shutil
import uuid

import msgspec
import pytest

from server.files import flow
from server.files.bucket import Inbox, score_all
from server.files.scoring import FileScorer
from server.scoring.model import ready_model
from tabular.data.synthetic import make_table
from tabular.errors import InvalidSetting, Unavailable
from tabular.wiring import Wiring

RUN_ID = "a" * 32
PREFIX = "scoring/credit_card_churn"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def wiring(ministack, settings, tmp_path, bundle, contract):
    """A bucket and a state folder of the test's own, with the bundle of a run in it."""
    shutil.copytree(bundle.folder, tmp_path / "bundles" / RUN_ID)
    wiring = Wiring(msgspec.structs.replace(settings, s3_bucket=f"b-{uuid.uuid4()}", state_dir=tmp_path), contract)
    wiring.objects().ensure_bucket()
    return wiring


@pytest.fixture
def objects(wiring):
    return wiring.objects()


@pytest.fixture
def rows(contract):
    return make_table(contract, 50, seed=4)


def test_each_file_is_scored_once_and_again_when_it_is_replaced(wiring, objects, rows):
    objects.put(f"{PREFIX}/in/a.csv", rows)
    objects.put(f"{PREFIX}/in/sub/b.csv", rows)
    objects.put(f"{PREFIX}/in/notes.txt", b"none of these")
    found, went_well = flow.score_waiting(wiring, run_id=RUN_ID)
    assert went_well
    assert [text.partition(",")[0] for text in found] == [
        f"{PREFIX}/in/a.csv: 50 rows scored",
        f"{PREFIX}/in/sub/b.csv: 50 rows scored",
    ]
    lines = objects.get(f"{PREFIX}/out/sub/b.csv/scores.csv").decode().splitlines()
    assert [line.partition(",")[0] for line in lines] == ['"row"', *map(str, range(1, 51))]
    assert json.loads(objects.get(f"{PREFIX}/out/a.csv/scores.summary.json"))["scored"] == 50
    assert flow.score_waiting(wiring, run_id=RUN_ID) == (["No file of credit_card_churn waits to be scored."], True)
    objects.put(f"{PREFIX}/in/a.csv", rows + b"1,2,3\n")
    (text,), _ = flow.score_waiting(wiring, run_id=RUN_ID)
    assert text == f"{PREFIX}/in/a.csv: 50 rows scored, 1 faulty, by the run {RUN_ID}"
    assert objects.get(f"{PREFIX}/out/a.csv/scores.faults.csv").decode().splitlines()[1].startswith("51,cells,are 3")
    assert not list((wiring.settings.state_dir / "scoring").iterdir())


def test_every_table_has_files_of_its_own_and_one_that_cannot_be_scored_stops_no_other(wiring, objects, rows):
    settings = msgspec.structs.replace(wiring.settings, tables="credit_card_churn,iris", mlflow_tracking_uri=NOWHERE)
    wirings = Wiring(settings).for_tables()
    for table in ("credit_card_churn", "iris"):
        objects.put(f"scoring/{table}/in/a.csv", rows)
    with pytest.raises(InvalidSetting, match=r"is of one table: name it, too\. .* are credit_card_churn, iris"):
        flow.score_tables(wirings, run_id=RUN_ID)
    pinned = [Wiring(msgspec.structs.replace(wirings[0].settings, run_id=RUN_ID), wirings[0].contract), wirings[1]]
    (churn, iris), went_well = flow.score_tables(pinned)
    assert not went_well
    assert churn.startswith(f"{PREFIX}/in/a.csv: 50 rows scored")
    assert iris.startswith("Nothing of iris is scored: ")
    assert not objects.keys("scoring/iris/out/")


def test_a_rejected_file_stops_no_other_and_is_tried_again_only_when_it_is_replaced(wiring, objects, rows):
    objects.put(f"{PREFIX}/in/a.csv", b"x,y\n1,2\n")
    objects.put(f"{PREFIX}/in/b.csv", rows)
    found, went_well = flow.score_waiting(wiring, run_id=RUN_ID)
    assert not went_well
    assert "lacks columns" in found[0]
    assert "50 rows scored" in found[1]
    assert flow.score_waiting(wiring, run_id=RUN_ID)[0] == ["No file of credit_card_churn waits to be scored."]
    objects.put(f"{PREFIX}/in/a.csv", rows)
    assert "50 rows scored" in flow.score_waiting(wiring, run_id=RUN_ID)[0][0]


def test_what_was_scored_and_not_yet_uploaded_is_gone_on_with(wiring, objects, rows, bundle, tmp_path):
    objects.put(f"{PREFIX}/in/a.csv", rows)
    inbox = Inbox(objects, PREFIX, tmp_path / "scoring")
    scorer = FileScorer(ready_model(RUN_ID, bundle))

    def stop(_):
        raise KeyboardInterrupt

    (waiting,) = inbox.waiting()
    with pytest.raises(KeyboardInterrupt):
        inbox.score(waiting, FileScorer(scorer.model, on_part=stop))
    (waiting,) = inbox.waiting()
    summary = inbox.score(waiting, scorer)
    assert (summary.scored, summary.resumed) == (50, 50)
    assert inbox.waiting() == []


def test_a_file_that_is_replaced_while_it_is_fetched_waits_for_the_next_run(objects, rows, bundle, tmp_path):
    objects.put(f"{PREFIX}/in/a.csv", rows)
    inbox = Inbox(objects, PREFIX, tmp_path / "scoring")
    listed = inbox.waiting()
    objects.put(f"{PREFIX}/in/a.csv", rows + b"1,2,3\n")
    scorer = FileScorer(ready_model(RUN_ID, bundle))
    assert list(score_all(inbox, listed, scorer)) == [
        (f"{PREFIX}/in/a.csv: it was replaced meanwhile, and is scored at the next run", True)
    ]
    assert next(score_all(inbox, inbox.waiting(), scorer))[1]


def test_a_file_whose_rows_could_not_be_stored_waits_for_the_next_run(objects, rows, bundle, tmp_path):
    objects.put(f"{PREFIX}/in/a.csv", rows)
    inbox = Inbox(objects, PREFIX, tmp_path / "scoring")

    class Lost:
        model = ready_model(RUN_ID, bundle)

        def score(self, *_):
            raise Unavailable("the prediction store", "gone")

    ((text, went_well),) = score_all(inbox, inbox.waiting(), Lost())
    assert not went_well
    assert "gone on with at the next run" in text
    assert len(inbox.waiting()) == 1


def test_large_files_come_and_go_without_being_held_in_memory(objects, tmp_path):
    body = bytes(range(256)) * 100_000
    (tmp_path / "up").write_bytes(body)
    objects.upload(tmp_path / "up", "a/large")
    objects.download("a/large", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == body
    (found,) = objects.listed("a/")
    assert (found.key, found.size_bytes) == ("a/large", len(body))
