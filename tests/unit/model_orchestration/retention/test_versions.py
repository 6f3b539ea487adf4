"""Versions of a table over a real S3: the newest stay, and whatever names one; none is ever half there."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from model_orchestration.retention.versions import DELETING, finish_deleting, old_versions
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.data.versions.naming import give_name
from tabular.errors import NotFound, Unavailable
from tabular.wiring import Wiring


@pytest.fixture
def objects(ministack, settings):
    bucket = Wiring(msgspec.structs.replace(settings, s3_bucket=f"store-{uuid.uuid4()}")).objects()
    bucket.ensure_bucket()
    return bucket


@pytest.fixture(scope="module")
def bodies(contract):
    return [make_table(contract, 50, seed) for seed in range(5)]


@pytest.fixture
def published(objects, contract, bodies):
    return [feature_store.publish(objects, contract, body, "table.csv").sha256 for body in bodies]


class DiesAfter:
    """A bucket whose user is killed before the next deletion, after so many."""

    def __init__(self, objects, deletions: int) -> None:
        self._objects, self._left = objects, deletions

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def delete(self, key):
        if self._left == 0:
            raise Unavailable("S3", "killed")
        self._left -= 1
        self._objects.delete(key)


def there(objects, contract) -> set[str]:
    return {version.sha256 for version in feature_store.versions(objects, contract)}


def keys_of(objects, contract, sha256: str) -> list[str]:
    return objects.keys(feature_store.version_prefix(contract, sha256))


def test_the_newest_stay_and_those_that_a_name_a_pointer_or_a_model_needs(objects, contract, published):
    give_name(objects, contract, "may", feature_store.find_version(objects, contract, published[0]))
    feature_store.mark_accepted(objects, contract, published[1])
    needed = {published[2]: "run r was trained on it", "f" * 64: "of a version that is not there"}
    [dry] = old_versions(objects, contract, 1, needed, dry=True)
    assert there(objects, contract) == set(published)
    [part] = old_versions(objects, contract, 1, needed, dry=False)
    assert part.deleted == dry.deleted == 1
    assert there(objects, contract) == set(published) - {published[3]}
    assert keys_of(objects, contract, published[3]) == []
    said = " ".join(part.kept)
    for why in ("has the name may", "is the accepted one", "was trained on it", "is the current one"):
        assert why in said


def test_0_keeps_all(objects, contract, published):
    assert list(old_versions(objects, contract, 0, {}, dry=False)) == []
    assert there(objects, contract) == set(published)


@pytest.mark.parametrize("deletions", range(6))
def test_a_deletion_that_is_cut_short_leaves_the_version_whole_or_gone_and_is_finished(
    objects, contract, published, deletions
):
    oldest = published[0]
    with pytest.raises(Unavailable):
        list(old_versions(DiesAfter(objects, deletions), contract, 1, {}, dry=False))
    for sha256 in published:
        try:
            feature_store.find_version(objects, contract, sha256)
        except NotFound:
            assert sha256 != published[-1]
        else:
            assert feature_store.load(objects, contract, sha256).target.shape[0] == 50
    list(old_versions(objects, contract, 1, {}, dry=False))
    assert there(objects, contract) == {published[-1]}
    assert keys_of(objects, contract, oldest) == []
    assert not [key for key in objects.keys("") if key.endswith(DELETING)]


def test_a_version_that_is_published_again_while_its_deletion_waits_is_one(objects, contract, bodies, published):
    with pytest.raises(Unavailable):
        list(old_versions(DiesAfter(objects, 1), contract, 1, {}, dry=False))
    feature_store.publish(objects, contract, bodies[0], "table.csv")
    assert finish_deleting(objects, contract) == 1
    assert feature_store.load(objects, contract, published[0]).target.shape[0] == 50
