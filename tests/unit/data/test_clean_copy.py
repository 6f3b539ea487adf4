"""The clean copy of a version: the same table to the dtype, never out of date, and no fault where it is damaged."""

from __future__ import annotations

import uuid

import msgspec
import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from tabular.contract.loading import load_contract
from tabular.contract.split_rules import SplitRules
from tabular.data import feature_store
from tabular.data.clean_copy import parts
from tabular.data.clean_copy.examine import examine
from tabular.data.clean_copy.parquet import from_parts, to_parts
from tabular.data.clean_copy.selection import selected, stored_copy
from tabular.data.prepared import prepare
from tabular.data.synthetic import make_table
from tabular.errors import Rejected
from tabular.wiring import Wiring


@pytest.fixture
def objects(ministack, settings):
    bucket = Wiring(msgspec.structs.replace(settings, s3_bucket=f"copy-{uuid.uuid4()}")).objects()
    bucket.ensure_bucket()
    return bucket


def assert_same_table(one, other):
    pd.testing.assert_frame_equal(one.features, other.features)
    pd.testing.assert_series_equal(one.target, other.target)
    pd.testing.assert_series_equal(one.raw_target, other.raw_target)
    for part in ("times", "groups"):
        ours, theirs = getattr(one, part), getattr(other, part)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            pd.testing.assert_series_equal(ours, theirs, check_names=False)


@pytest.mark.parametrize("part_rows", [500, 499, 7])
@pytest.mark.parametrize("path", sorted((PROJECT / "contracts").glob("*.toml")), ids=lambda path: path.stem)
def test_a_clean_table_comes_back_from_its_parts_the_same(path, part_rows):
    contract = load_contract(path)
    table = prepare(contract, make_table(contract, 500, 2)).required
    made = list(to_parts(table, part_rows))
    assert sum(rows for rows, _ in made) == len(table)
    assert max(rows for rows, _ in made) <= part_rows
    assert_same_table(from_parts(contract, len(table), [body for _, body in made]), table)


def test_dropped_rows_times_and_groups_come_back_too(tiny_contract):
    def change(file):
        file.update(
            source={"on_invalid": "drop", "max_dropped_share": 0.5},
            split={"time_column": "Day", "group_column": "Who"},
        )

    contract = tiny_contract(change=change)
    body = "Age,Class,Stars,Weight,Y,Day,Who\n30,A,1,0.5,yes,2024-01-02,a\n999,A,1,0.5,no,2024-01-01,b\n"
    table = prepare(contract, (body + "31,b,2,,no,2024-01-03,a\n").encode()).required
    assert table.features.index.tolist() == [0, 2]
    assert table.times is not None
    assert table.groups.tolist() == ["a", "a"]
    again = from_parts(contract, 2, [body for _, body in to_parts(table, 1)])
    assert_same_table(again, table)


def copied(objects):
    return [key for key in objects.keys("") if "/clean/" in key]


class CountsOriginals:
    """A bucket that counts how often the bytes that came are read."""

    def __init__(self, objects) -> None:
        self._objects, self.count = objects, 0

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def get(self, key):
        self.count += key.endswith("/original")
        return self._objects.get(key)


def test_what_is_published_is_loaded_without_its_original(objects, contract):
    body = make_table(contract, 300, 1)
    version = feature_store.publish(objects, contract, body, "table.csv")
    counting = CountsOriginals(objects)
    assert_same_table(feature_store.load(counting, contract, version.sha256), prepare(contract, body).required)
    assert counting.count == 0


@pytest.mark.parametrize("damage", ["another", "absent", "index"])
def test_a_damaged_copy_is_no_fault_and_publishing_again_repairs_it(objects, contract, damage, caplog):
    body = make_table(contract, 300, 1)
    feature_store.publish(objects, contract, body, "table.csv")
    part, index = sorted(copied(objects))
    if damage == "index":
        objects.put(index, b"{")
    elif damage == "another":
        objects.put(part, objects.get(part)[:-1])
    else:
        objects.put(index, objects.get(index).replace(b'"parts":[', b'"parts":[{"rows":1,"sha256":"0"},'))
    counting = CountsOriginals(objects)
    assert_same_table(feature_store.load(counting, contract), prepare(contract, body).required)
    assert counting.count == 1
    assert "the original is read instead" in caplog.text
    feature_store.publish(objects, contract, body, "table.csv")
    feature_store.load(counting, contract)
    assert counting.count == 1


def test_another_contract_or_code_never_takes_the_copy(objects, contract, monkeypatch):
    body = make_table(contract, 300, 1)
    feature_store.publish(objects, contract, body, "table.csv")
    counting = CountsOriginals(objects)
    split = msgspec.structs.replace(contract, split=SplitRules(group_column=contract.features[0].column))
    assert feature_store.load(counting, contract, read_as=split).groups is not None
    assert counting.count == 1
    parts.code_digest.cache_clear()
    monkeypatch.setattr(parts, "CLEANING", ("contract", "data"))
    try:
        feature_store.load(counting, contract)
    finally:
        parts.code_digest.cache_clear()
    assert counting.count == 2


def test_what_was_left_out_is_known_of_a_copy_too(objects, tiny_contract):
    contract = tiny_contract(change=lambda file: file.update(source={"on_invalid": "drop", "max_dropped_share": 0.5}))
    feature_store.publish(objects, contract, b"Age,Class,Stars,Weight,Y\n30,A,1,0.5,yes\n999,A,1,0.5,no\n", "a.csv")
    counting = CountsOriginals(objects)
    dropped = feature_store.load(counting, contract).dropped
    assert (dropped.count, dropped.rows, dropped.faults[0].given, counting.count) == (1, 2, "999", 0)


def test_parts_of_another_number_of_rows_are_no_table(contract):
    bodies = [body for _, body in to_parts(prepare(contract, make_table(contract, 100, 2)).required, 50)]
    with pytest.raises(ValueError, match="100 rows, not 101"):
        from_parts(contract, 101, bodies)
    with pytest.raises(ValueError, match="could not broadcast"):
        from_parts(contract, 99, bodies)


def with_doubled_ids(body):
    header, *rows = body.splitlines(keepends=True)
    return header + b"".join([*rows, *rows[:7]])


@pytest.mark.parametrize("spoil", [bytes, with_doubled_ids], ids=["sound", "doubled ids"])
@pytest.mark.parametrize("path", sorted((PROJECT / "contracts").glob("*.toml")), ids=lambda path: path.stem)
def test_the_checks_find_the_same_in_a_copy_as_in_the_bytes_and_read_no_text(objects, path, spoil):
    contract = load_contract(path)
    body = spoil(make_table(contract, 500, 2))
    version = feature_store.publish(objects, contract, body, "table.csv")
    counting = CountsOriginals(objects)
    found = check(contract, examine(counting, contract, version.sha256))
    assert found == check(contract, body)
    assert found.rows == (507 if spoil is with_doubled_ids else 500)
    assert counting.count == 0


def test_the_checks_make_the_copy_that_is_not_there(objects, contract):
    body = make_table(contract, 300, 1)
    version = feature_store.publish(objects, contract, body, "table.csv")
    for key in copied(objects):
        objects.delete(key)
    counting = CountsOriginals(objects)
    assert check(contract, examine(counting, contract, version.sha256)) == check(contract, body)
    assert counting.count == 1
    assert_same_table(feature_store.load(counting, contract), prepare(contract, body).required)
    assert counting.count == 1


def versions_with_copies(objects):
    return {key.split("/")[3] for key in copied(objects)}


def test_only_the_copies_that_runs_read_are_kept(objects, contract):
    published = [
        feature_store.publish(objects, contract, make_table(contract, 300, seed), "table.csv").sha256 for seed in (1, 2)
    ]
    feature_store.mark_accepted(objects, contract, published[0])
    published += [
        feature_store.publish(objects, contract, make_table(contract, 300, seed), "table.csv").sha256 for seed in (3, 4)
    ]
    accepted, _, before, current = published
    assert versions_with_copies(objects) == {accepted, before, current}
    assert len(copied(objects)) == 6
    assert len(feature_store.versions(objects, contract)) == 4
    # What has no copy any more is read from its bytes.
    assert len(feature_store.load(objects, contract, published[1])) == 300


def test_a_copy_by_another_contract_or_other_code_goes_when_the_version_is_published_again(
    objects, contract, monkeypatch
):
    body = make_table(contract, 300, 1)
    feature_store.publish(objects, contract, body, "table.csv")
    first = copied(objects)
    other = msgspec.structs.replace(contract, split=SplitRules(folds=7))
    feature_store.publish(objects, other, body, "table.csv")
    assert len(copied(objects)) == 2
    assert not set(first) & set(copied(objects))
    feature_store.mark_accepted(objects, contract, feature_store.latest(objects, contract).sha256)
    feature_store.publish(objects, contract, body, "table.csv")
    assert len(copied(objects)) == 4  # the champion may be of the other contract
    monkeypatch.setattr(parts, "code_digest", lambda: "other code")
    feature_store.publish(objects, contract, body, "table.csv")
    assert len(copied(objects)) == 2


class ForbidsDeleting:
    """A bucket whose keys may be read and written only."""

    def __init__(self, objects) -> None:
        self._objects = objects

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def delete(self, key):
        raise Rejected(f"S3 refuses {key}")


def test_a_bucket_that_forbids_deleting_keeps_everything_and_publishes(objects, contract, caplog):
    for seed in (1, 2, 3):
        feature_store.publish(ForbidsDeleting(objects), contract, make_table(contract, 300, seed), "table.csv")
    assert len(versions_with_copies(objects)) == 3
    assert "old clean copies are kept" in caplog.text


def test_a_table_that_breaks_its_contract_has_no_copy(objects, contract):
    feature_store.publish(objects, contract, make_table(contract, 100, 0).replace(b"Blue", b"Wood"), "table.csv")
    assert copied(objects) == []


class Counted:
    """A bucket that notes which keys were asked for."""

    def __init__(self, objects):
        self.objects, self.asked = objects, []

    def get(self, key):
        self.asked.append(key)
        return self.objects.get(key)


@pytest.fixture
def in_parts(objects, tiny_contract):
    """A table of 100 rows without every seventh of the file, copied in five parts; with its contract and the copy."""

    def change(file):
        file.update(source={"on_invalid": "drop", "max_dropped_share": 0.5})

    contract = tiny_contract(change=change)
    lines = make_table(contract, 117, 2).decode().splitlines()
    body = "\n".join(
        line if at % 7 else ",".join(["?"] * (line.count(",") + 1)) for at, line in enumerate(lines[1:], 1)
    )
    prepared = prepare(contract, f"{lines[0]}\n{body}\n".encode())
    version = feature_store.publish(objects, contract, prepared, "file")
    prefix = feature_store.version_prefix(contract, version.sha256)
    parts.put_copy(objects, prefix, contract, version.written_as, prepared, part_rows=20)
    return prepared.required, contract, stored_copy(objects, contract, version.sha256)


def test_some_rows_of_a_copy_are_read_from_the_parts_in_which_they_lie(objects, in_parts):
    table, contract, copy = in_parts
    assert len(copy.parts) > 4
    assert list(table.features.index) != list(range(len(table)))
    for positions in ([0], [len(table) - 1], [3, 19, 20, 41], list(range(len(table)))):
        counted, wanted = Counted(objects), table.take(np.array(positions))
        found = list(selected(counted, contract, copy, wanted.features.index.to_numpy()))
        assert len(counted.asked) == len({position // 20 for position in positions})
        pd.testing.assert_frame_equal(pd.concat([each.features for each in found]), wanted.features)
        pd.testing.assert_series_equal(pd.concat([each.target for each in found]), wanted.target)


def test_rows_that_a_copy_lacks_and_parts_that_were_changed_are_rejected(objects, in_parts):
    table, contract, copy = in_parts
    with pytest.raises(Rejected, match="lacks rows that were split"):
        list(selected(objects, contract, copy, np.array([0, 6])))
    objects.put(parts.part_key(copy.folder, 1), b"other bytes")
    with pytest.raises(Rejected, match="is damaged"):
        list(selected(objects, contract, copy, table.features.index.to_numpy()))
