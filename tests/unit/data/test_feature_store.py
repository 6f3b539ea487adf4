"""The feature store: immutable versions by their bytes, over S3."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import msgspec
import pandas as pd
import pytest

from tabular.contract.source import SourceOptions
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.errors import InvalidTable, NotFound, Rejected, Unavailable
from tabular.wiring import Wiring


@pytest.fixture
def objects(ministack, settings):
    bucket = Wiring(msgspec.structs.replace(settings, s3_bucket=f"store-{uuid.uuid4()}")).objects()
    bucket.ensure_bucket()
    return bucket


@pytest.fixture(scope="module")
def bodies(contract):
    return [make_table(contract, 50, seed) for seed in range(3)]


class DiesBefore:
    """A bucket whose writer is killed before it puts the key that ends so."""

    def __init__(self, objects, ending) -> None:
        self._objects, self._ending = objects, ending

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def put(self, key, body):
        if key.endswith(self._ending):
            raise Unavailable("S3", "killed")
        self._objects.put(key, body)


def test_what_is_published_is_what_is_fetched(objects, contract, bodies):
    version = feature_store.publish(objects, contract, bodies[0], "table.csv")
    assert feature_store.fetch(objects, contract, version.sha256) == bodies[0]
    assert version == feature_store.latest(objects, contract)


def test_a_version_says_what_it_is(objects, contract, bodies):
    before = datetime.now(UTC)
    feature_store.publish(objects, contract, bodies[0], "table.csv", synthetic=True)
    version = feature_store.latest(objects, contract)
    assert version.sha256 == hashlib.sha256(bodies[0]).hexdigest()
    assert version.rows == 50
    assert version.columns[:2] == ("CLIENTNUM", "Attrition_Flag")
    assert version.contract == contract.digest
    assert version.source == "table.csv"
    assert version.synthetic
    assert version.pristine is False
    assert before <= version.created_at <= datetime.now(UTC)
    assert version.created_at.utcoffset().total_seconds() == 0


def test_the_same_bytes_make_no_new_version(objects, contract, bodies):
    first = feature_store.publish(objects, contract, bodies[0], "one.csv")
    again = feature_store.publish(objects, contract, bodies[0], "two.csv")
    assert again == first
    assert feature_store.versions(objects, contract) == [first]


def test_versions_are_listed_newest_first_and_the_last_published_is_the_latest(objects, contract, bodies):
    made = [feature_store.publish(objects, contract, body, "table.csv") for body in bodies]
    assert feature_store.versions(objects, contract) == made[::-1]
    assert feature_store.latest(objects, contract) == made[-1]
    feature_store.publish(objects, contract, bodies[0], "table.csv")
    assert feature_store.latest(objects, contract) == made[0], "an old version published again is the latest"
    assert feature_store.versions(objects, contract) == made[::-1]


def test_tables_of_two_contracts_do_not_mix(objects, contract, tiny_contract, bodies):
    tiny = tiny_contract()
    feature_store.publish(objects, contract, bodies[0], "table.csv")
    assert feature_store.versions(objects, tiny) == []
    with pytest.raises(NotFound, match="no table tiny yet: run `make init_aws`"):
        feature_store.latest(objects, tiny)


def test_pristine_is_told_by_the_contract_s_digest(objects, tiny_contract):
    body = b"Age,Y\n1,yes\n"
    known = tiny_contract(change=lambda file: file["table"].update(source_sha256=hashlib.sha256(body).hexdigest()))
    assert feature_store.publish(objects, known, body, "a").pristine is True
    assert feature_store.publish(objects, known, body + b"2,no\n", "b").pristine is False
    assert feature_store.publish(objects, tiny_contract(), body + b"3,no\n", "c").pristine is None


def test_changed_bytes_are_refused_and_publishing_again_mends_them(objects, contract, bodies):
    version = feature_store.publish(objects, contract, bodies[0], "table.csv")
    (key,) = [key for key in objects.keys("") if key.endswith("/original")]
    objects.put(key, bodies[0][:-1])
    with pytest.raises(Rejected, match=rf"version {version.sha256} .* was changed in the store"):
        feature_store.fetch(objects, contract, version.sha256)
    assert feature_store.publish(objects, contract, bodies[0], "table.csv") == version
    assert feature_store.fetch(objects, contract, version.sha256) == bodies[0]


def test_an_unknown_version_is_not_found_by_name(objects, contract):
    with pytest.raises(NotFound, match="no version 0123 of the table credit_card_churn"):
        feature_store.fetch(objects, contract, "0123")


def test_a_damaged_manifest_is_refused_by_key(objects, contract, bodies):
    feature_store.publish(objects, contract, bodies[0], "table.csv")
    (key,) = [key for key in objects.keys("") if key.endswith("manifest.json")]
    objects.put(key, b"{")
    with pytest.raises(Rejected, match=key):
        feature_store.latest(objects, contract)


def test_a_damaged_pointer_points_nowhere_and_publishing_again_mends_it(objects, contract, bodies):
    version = feature_store.publish(objects, contract, bodies[0], "table.csv")
    (key,) = [key for key in objects.keys("") if key.endswith("current")]
    objects.put(key, b"\xff\xfe")
    with pytest.raises(NotFound, match="init_aws"):
        feature_store.latest(objects, contract)
    feature_store.publish(objects, contract, bodies[0], "table.csv")
    assert feature_store.latest(objects, contract).sha256 == version.sha256


def test_what_is_no_table_is_not_published(objects, contract):
    with pytest.raises(InvalidTable, match="not text"):
        feature_store.publish(objects, contract, b"\xff\xfe\x00", "junk.bin")
    assert objects.keys("") == []


@pytest.mark.parametrize("ending", ["/original", "manifest.json", "current"])
def test_a_crash_anywhere_leaves_only_readable_versions_and_the_next_try_heals(objects, contract, bodies, ending):
    before = feature_store.publish(objects, contract, bodies[0], "table.csv")
    with pytest.raises(Unavailable):
        feature_store.publish(DiesBefore(objects, ending), contract, bodies[1], "table.csv")
    for version in feature_store.versions(objects, contract):
        feature_store.fetch(objects, contract, version.sha256)
    assert feature_store.latest(objects, contract) == before
    after = feature_store.publish(objects, contract, bodies[1], "table.csv")
    assert feature_store.latest(objects, contract) == after
    assert feature_store.fetch(objects, contract, after.sha256) == bodies[1]


def test_the_accepted_version_stays_when_a_newer_one_is_published(objects, contract, bodies):
    assert feature_store.last_accepted(objects, contract) is None
    good = feature_store.publish(objects, contract, bodies[0], "table.csv")
    feature_store.mark_accepted(objects, contract, good.sha256)
    feature_store.publish(objects, contract, bodies[1], "table.csv")
    assert feature_store.last_accepted(objects, contract) == good


def test_synthetic_data_never_takes_the_place_of_a_real_table(objects, contract, bodies):
    made_up = feature_store.publish(objects, contract, bodies[0], "synthetic", synthetic=True)
    assert feature_store.newest_real(objects, contract) is None
    real = feature_store.publish(objects, contract, bodies[1], "table.csv")
    for body in (bodies[0], bodies[2]):
        with pytest.raises(
            Rejected, match=f"never replaces a real table: .* version {real.sha256[:12]}, from table.csv"
        ):
            feature_store.publish(objects, contract, body, "synthetic", synthetic=True)
    assert feature_store.latest(objects, contract) == feature_store.newest_real(objects, contract) == real
    assert feature_store.versions(objects, contract) == [real, made_up]
    feature_store.mark_accepted(objects, contract, made_up.sha256)
    feature_store.mark_accepted(objects, contract, real.sha256)
    feature_store.mark_accepted(objects, contract, made_up.sha256)
    assert feature_store.last_accepted(objects, contract) == real


def test_loading_gives_the_latest_version_or_the_one_named(objects, contract):
    old, new = (
        feature_store.publish(objects, contract, make_table(contract, rows, 0), "table.csv") for rows in (100, 200)
    )
    assert len(feature_store.load(objects, contract)) == 200
    assert len(feature_store.load(objects, contract, old.sha256)) == 100
    assert len(feature_store.load(objects, contract, new.sha256)) == 200


def test_loading_names_what_is_missing_damaged_or_broken(objects, contract):
    with pytest.raises(NotFound, match="make init_aws"):
        feature_store.load(objects, contract)
    broken = make_table(contract, 100, 0).replace(b"Blue", b"Wood")
    version = feature_store.publish(objects, contract, broken, "table.csv")
    with pytest.raises(InvalidTable, match="row 1, Card_Category: holds 'Wood'"):
        feature_store.load(objects, contract)
    (key,) = [key for key in objects.keys("") if key.endswith("/original")]
    objects.put(key, b"something else")
    with pytest.raises(Rejected, match="was changed in the store"):
        feature_store.load(objects, contract, version.sha256)


def dropping(contract, **source):
    return msgspec.structs.replace(contract, source=SourceOptions(on_invalid="drop", **source))


def test_what_was_dropped_is_counted_and_listed_beside_the_version(objects, contract, bodies):
    body = bodies[0].replace(b"Blue", b"Bleu", 1)
    version = feature_store.publish(objects, dropping(contract), body, "table.csv")
    assert (version.rows, version.dropped_rows) == (50, 1)
    dropped = feature_store.dropped_rows(objects, contract, version.sha256)
    (fault,) = dropped.faults
    assert (dropped.count, dropped.rows, fault.given) == (1, 50, "Bleu")
    assert len(feature_store.load(objects, dropping(contract))) == 49
    with pytest.raises(InvalidTable, match="holds 'Bleu'"):
        feature_store.load(objects, contract)


def test_the_same_bytes_read_in_another_way_are_the_same_version_and_its_manifest_follows(objects, contract, bodies):
    body = bodies[0].replace(b"Blue", b"Bleu", 1)
    first = feature_store.publish(objects, dropping(contract), body, "table.csv")
    widened = msgspec.structs.replace(
        contract,
        features=tuple(
            msgspec.structs.replace(each, categories=(*each.categories, "Bleu")) if "Blue" in each.categories else each
            for each in contract.features
        ),
    )
    second = feature_store.publish(objects, widened, body, "again.csv")
    assert (second.dropped_rows, second.contract) == (0, widened.digest)
    assert (second.sha256, second.created_at, second.source) == (first.sha256, first.created_at, "table.csv")
    assert feature_store.dropped_rows(objects, widened, second.sha256).count == 0
    assert feature_store.latest(objects, widened) == second


def test_a_version_is_read_as_it_was_published_whatever_another_contract_says_of_files(objects, contract, bodies):
    body = bodies[0].replace(b",", b";")
    version = feature_store.publish(objects, contract, body, "table.csv")
    assert version.read_as.separator == ";"
    other = msgspec.structs.replace(contract, source=SourceOptions(separator="|"))
    assert len(feature_store.load(objects, contract, version.sha256, read_as=other)) == 50
    headless = msgspec.structs.replace(contract, source=SourceOptions(header=False, columns=version.columns))
    rows = feature_store.publish(objects, headless, bodies[0].partition(b"\n")[2], "headless.csv")
    assert (rows.rows, rows.columns) == (50, version.columns)
    same = feature_store.load(objects, contract, rows.sha256)
    pd.testing.assert_frame_equal(same.features, feature_store.load(objects, contract, version.sha256).features)


def test_synthetic_rows_are_read_as_they_are_written_whatever_the_contract_says_of_its_file(objects, contract, bodies):
    parquet = msgspec.structs.replace(contract, source=SourceOptions(format="parquet"))
    version = feature_store.publish(objects, parquet, bodies[0], "synthetic", synthetic=True)
    assert len(feature_store.load(objects, parquet, version.sha256)) == 50
