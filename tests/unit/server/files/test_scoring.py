"""A file is scored as its rows would be at an endpoint, every row once, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from server.files.output import faults_path, summary_path
from server.files.scoring import FileScorer
from server.files.summary import lines
from server.scoring.model import ready_model
from tabular.errors import InvalidTable, Rejected, Unavailable
from tests.adapters.memory.predictions import MemoryPredictions

pytestmark = pytest.mark.usefixtures("small_batches")


def scores(out):
    """The rows of a file of scores, every value as JSON has it."""
    if out.suffix == ".parquet":
        return pq.read_table(out).to_pylist()
    with out.open(newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def faults(out):
    with faults_path(out).open(newline="") as file:
        return list(csv.DictReader(file))


def at_an_endpoint(model, record):
    """The prediction of a request with this record."""
    return model.one(model.bundle.codec.decode(msgspec.json.encode(record)), "id", "api")


@pytest.mark.parametrize("rows", ["rows.csv", "rows.parquet"])
@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_every_row_has_the_score_and_the_warnings_of_an_endpoint(
    model, contract, records, write_rows, tmp_path, rows, name
):
    out = tmp_path / name
    summary = FileScorer(model).score(write_rows(records, rows), out)
    found = scores(out)
    assert [int(row["row"]) for row in found] == list(range(1, len(records) + 1))
    for row, record in zip(found, records, strict=True):
        expected = at_an_endpoint(model, record)
        assert float(row[contract.reply.prediction_key]) == expected.score  # exactly: both are doubles
        assert (row["warnings"] or "") == "; ".join(expected.warnings)
    assert [row[contract.table.id_column] for row in found] == [f"customer {at}" for at in range(len(records))]
    assert (summary.scored, summary.faulty, summary.resumed) == (len(records), 0, 0)
    assert summary.warned == sum(bool(row["warnings"]) for row in found) > 10
    assert not faults_path(out).exists()
    assert json.loads(summary_path(out).read_bytes())["run_id"] == model.run_id
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([rows, name, "scores.summary.json"])


def test_faulty_rows_are_named_and_stop_nothing(model, contract, records, write_rows, tmp_path):
    numbers = [feature.name for feature in contract.features if feature.is_numeric]
    records[4][numbers[0]] = "many"
    records[4][numbers[1]] = 1e9
    records[250][numbers[2]] = -7
    file, out = write_rows(records), tmp_path / "scores.csv"
    with file.open("a") as more:
        more.write("1,2,3\n")
    summary = FileScorer(model).score(file, out)
    assert (summary.rows, summary.scored, summary.faulty, summary.faults) == (301, 298, 3, 4)
    assert [(row["row"], row["field"], row["value"]) for row in faults(out)] == [
        ("5", numbers[0], "many"),
        ("5", numbers[1], "1000000000.0"),
        ("251", numbers[2], "-7"),
        ("301", "cells", "1,2,3"),
    ]
    assert faults(out)[0]["problem"] == "is not a number"
    wanted = {str(number) for number in range(1, 301)} - {"5", "251"}
    assert {row["row"] for row in scores(out)} == wanted
    told = dict(lines(summary))
    assert told["faults"] == f"4 in rows that are left out, 3 of them: see {faults_path(out)}"


def test_a_killed_run_goes_on_and_every_row_is_there_once(model, records, write_rows, tmp_path):
    file, whole, out = write_rows(records), tmp_path / "whole.csv", tmp_path / "scores.csv"
    FileScorer(model).score(file, whole)

    def stop(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FileScorer(model, on_part=stop, workers=1).score(file, out)
    assert not out.exists()
    summary = FileScorer(model).score(file, out)
    assert 0 < summary.resumed < len(records)
    assert out.read_bytes() == whole.read_bytes()


def test_parts_of_another_file_model_or_choice_are_not_used(
    model, make_bundle, contract, records, write_rows, tmp_path
):
    file, out = write_rows(records), tmp_path / "scores.csv"

    def stop(rows):
        raise KeyboardInterrupt

    def begin():
        with pytest.raises(KeyboardInterrupt):
            FileScorer(model, on_part=stop).score(file, out)

    begin()
    assert FileScorer(ready_model("1" * 32, make_bundle(contract, seed=1))).score(file, out).resumed == 0
    begin()
    assert FileScorer(model, MemoryPredictions()).score(file, out).resumed == 0
    begin()
    write_rows(records[1:])
    assert FileScorer(model).score(file, out).resumed == 0


def test_a_part_that_a_power_failure_cut_is_done_again(model, records, write_rows, tmp_path):
    file, whole, out = write_rows(records), tmp_path / "whole.csv", tmp_path / "scores.csv"
    FileScorer(model).score(file, whole)

    def stop(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FileScorer(model, on_part=stop).score(file, out)
    cut = sorted((tmp_path / ".scores.csv.parts").glob("*.scores"))[0]
    os.truncate(cut, 10)
    FileScorer(model).score(file, out)
    assert out.read_bytes() == whole.read_bytes()


def test_stored_rows_are_stored_once_with_an_id_that_the_output_names(model, records, write_rows, tmp_path):
    file, out, store = write_rows(records), tmp_path / "scores.csv", MemoryPredictions()
    assert FileScorer(model, store, workers=1).score(file, out).stored == len(records)
    assert FileScorer(model, store, workers=1).score(file, out).stored == 0
    found = {prediction.id: prediction for prediction in store.latest(1_000)}
    assert len(found) == len(records)
    for row, record in zip(scores(out), records, strict=True):
        key = {model.bundle.contract.table.business_key: f"customer {int(row['row']) - 1}"}
        stored, expected = found[row["prediction_id"]], at_an_endpoint(model, record | key)
        assert msgspec.structs.replace(stored, id="id", source="api", made_at=expected.made_at) == expected
        assert stored.source == "batch"


def test_a_run_that_lost_the_store_goes_on_where_it_was(model, records, write_rows, tmp_path):
    file, out, store = write_rows(records), tmp_path / "scores.csv", MemoryPredictions()

    class Lost(MemoryPredictions):
        def save(self, predictions):
            if len(store.latest(1_000)) > 100:
                raise Unavailable("the prediction store", "gone")
            return store.save(predictions)

    with pytest.raises(Unavailable):
        FileScorer(model, Lost(), workers=1).score(file, out)
    summary = FileScorer(model, store, workers=1).score(file, out)
    assert summary.resumed > 0
    assert summary.stored == len(store.latest(1_000)) == len(records)


def test_a_file_that_lacks_columns_is_rejected_before_anything_is_written(model, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidTable, match="lacks columns"):
        FileScorer(model).score(file, tmp_path / "scores.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_file_without_rows_has_an_output_without_rows(model, contract, write_rows, tmp_path):
    for name in ("scores.csv", "scores.parquet"):
        assert FileScorer(model).score(write_rows([]), tmp_path / name).rows == 0
        assert scores(tmp_path / name) == []


def test_an_output_of_another_kind_is_rejected(model, records, write_rows, tmp_path):
    with pytest.raises(Rejected, match=r"has to end with \.csv or \.parquet"):
        FileScorer(model).score(write_rows(records), tmp_path / "scores.xlsx")


def test_a_file_that_is_changed_meanwhile_publishes_nothing(model, records, write_rows, tmp_path):
    file, out = write_rows(records), tmp_path / "scores.csv"
    with pytest.raises(Rejected, match="was changed while it was scored"):
        FileScorer(model, on_part=lambda _: os.utime(file, (1, 1))).score(file, out)
    assert not out.exists()


def test_two_runs_never_write_one_output(model, records, write_rows, tmp_path):
    file, out = write_rows(records), tmp_path / "scores.csv"

    def again(rows):
        with pytest.raises(Rejected, match="another process is writing"):
            FileScorer(model).score(file, out)

    assert FileScorer(model, on_part=again).score(file, out).scored == len(records)


def test_a_faults_file_of_an_earlier_run_does_not_stay(model, records, write_rows, tmp_path):
    out = tmp_path / "scores.csv"
    good = write_rows(records, "good.csv")
    records[0][next(iter(records[0]))] = "many"
    FileScorer(model).score(write_rows(records), out)
    assert faults_path(out).exists()
    FileScorer(model).score(good, out)
    assert not faults_path(out).exists()


@pytest.mark.parametrize("rows", ["rows.csv", "rows.parquet"])
def test_stored_rows_have_the_business_key_that_the_file_has(model, records, write_rows, tmp_path, rows):
    store = MemoryPredictions()
    FileScorer(model, store=store).score(write_rows(records, rows), tmp_path / "scores.csv")
    assert {one.business_key for one in store.latest(1_000)} == {f"customer {at}" for at in range(len(records))}


@pytest.mark.parametrize("name", ["CLIENTNUM", "customer_id"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_key_of_a_file_is_read_as_that_of_a_request_is(model, contract, tmp_path, name, kind):
    given = ["7", " C-1 ", "", "Unknown", "x" * 201, "a\x01b", "Zoë"]
    file, out, store = tmp_path / f"rows.{kind}", tmp_path / "scores.csv", MemoryPredictions()
    table = pa.table({feature.column: [feature.sample] * len(given) for feature in contract.features} | {name: given})
    if kind == "csv":
        pacsv.write_csv(table, file)
    else:
        pq.write_table(table, file)
    summary = FileScorer(model, store=store).score(file, out)
    assert (summary.scored, summary.faulty) == (5, 2)
    assert [(row["row"], row["field"], row["problem"]) for row in faults(out)] == [
        ("5", "customer_id", "cannot be a key"),
        ("6", "customer_id", "cannot be a key"),
    ]
    stored = {row["prediction_id"]: row[name] for row in scores(out)}
    found = {stored[one.id]: one.business_key for one in store.latest(1_000)}
    assert {known: found[known] for known in ("7", " C-1 ", "Unknown", "Zoë")} == {
        "7": "7",
        " C-1 ": "C-1",
        "Unknown": None,
        "Zoë": "Zoë",
    }


@pytest.mark.parametrize(
    ("values", "bad"),
    [([1, None, 2**53 - 1], []), ([1, 2**53, 3], [2]), ([1.0, None, 1.5], [3]), ([True, False], [1, 2])],
)
def test_keys_that_are_numbers_in_parquet_are_whole_ones(model, contract, tmp_path, values, bad):
    file, out = tmp_path / "rows.parquet", tmp_path / "scores.csv"
    columns = {feature.column: [feature.sample] * len(values) for feature in contract.features}
    pq.write_table(pa.table(columns | {"customer_id": values}), file)
    summary = FileScorer(model).score(file, out)
    assert summary.faulty == len(bad)
    assert [int(row["row"]) for row in (faults(out) if bad else [])] == bad
