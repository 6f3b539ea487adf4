"""Local copies of bundles: fetched once, verified before use, and good for a start while the registry is down."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

import msgspec
import pytest

from tabular.errors import BrokenBundle, NotFound, Unavailable
from tabular.model.bundle_cache import BundleCache
from tests.adapters.memory.bundles import FolderBundles


@pytest.fixture
def store(bundle):
    made = FolderBundles(run1=bundle.folder)
    made.alias = "run1"
    return made


@pytest.fixture
def cache(store, tmp_path):
    return BundleCache(store, tmp_path / "bundles", "churn")


def test_a_bundle_is_fetched_once(cache, store, bundle):
    assert cache.load("run1").digest == bundle.digest
    assert cache.load("run1").digest == bundle.digest
    assert store.fetches == 1


def test_a_kept_bundle_loads_while_the_registry_is_down(cache, store, bundle):
    cache.load("run1")
    store.is_down = True
    assert cache.load("run1").digest == bundle.digest


def test_without_a_copy_the_registry_is_needed(cache, store):
    store.is_down = True
    with pytest.raises(Unavailable, match="switched off"):
        cache.load("run1")
    with pytest.raises(Unavailable, match="switched off"):
        cache.champion()


def test_the_last_champion_seen_stands_while_the_registry_is_down(cache, store, tmp_path):
    store.alias = "run7"
    cache.champion()
    store.alias = "run8"
    assert cache.champion() == "run8"
    store.is_down = True
    assert cache.champion() == "run8"
    assert BundleCache(store, tmp_path / "bundles", "churn").champion() == "run8", "after a restart too"


def test_a_registry_that_responds_that_there_is_no_champion_is_believed(cache, store):
    cache.champion()
    store.alias = None
    with pytest.raises(NotFound):
        cache.champion()


def test_a_damaged_copy_is_fetched_again(cache, store, bundle, tmp_path):
    cache.load("run1")
    (tmp_path / "bundles" / "run1" / "model.ubj").write_bytes(b"damaged")
    assert cache.load("run1").digest == bundle.digest
    assert store.fetches == 2


def test_a_bundle_that_scores_otherwise_than_recorded_is_not_kept(cache, store, bundle, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(bundle.folder, bad)
    golden = msgspec.json.decode((bad / "golden.json").read_bytes())
    golden[3]["scores"] = [0.123]
    (bad / "golden.json").write_bytes(msgspec.json.encode(golden))
    manifest = msgspec.json.decode((bad / "manifest.json").read_bytes())
    manifest["files"]["golden.json"] = sha256((bad / "golden.json").read_bytes()).hexdigest()
    (bad / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    store.bundles["run2"] = bad
    with pytest.raises(BrokenBundle, match="golden record 3"):
        cache.load("run2")
    assert sorted(path.name for path in (tmp_path / "bundles").iterdir()) == []


def test_an_unknown_run_leaves_nothing_behind(cache, tmp_path):
    with pytest.raises(NotFound, match="there is no run run9"):
        cache.load("run9")
    assert list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.parametrize("run_id", ["", "../../etc", "a/b", ".", "run 1"])
def test_what_is_no_run_id_never_becomes_a_path(cache, store, run_id):
    with pytest.raises(NotFound, match="is not the id of an MLflow run"):
        cache.load(run_id)
    assert store.fetches == 0


def test_workers_that_start_together_all_get_the_bundle(store, bundle, tmp_path):
    together = Barrier(4)

    def start(_):
        together.wait()
        return BundleCache(store, tmp_path / "bundles", "churn").load("run1").digest

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(start, range(4))) == {bundle.digest}
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["run1"]


def test_a_champion_that_cannot_be_noted_is_the_champion_all_the_same(cache, store, tmp_path):
    """The folder of bundles cannot be written: a file lies in its place."""
    (tmp_path / "bundles").write_text("")
    assert cache.champion() == "run1"
    with pytest.raises(Unavailable, match="the folder of bundles is not available"):
        cache.load("run1")


def test_a_note_of_the_champion_that_cannot_be_read_is_none(cache, store, tmp_path):
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "churn.champion").write_bytes(b"\xff\xfe")
    assert cache.champion() == "run1"
    (tmp_path / "bundles" / "churn.champion").write_bytes(b"")
    store.is_down = True
    with pytest.raises(Unavailable):
        cache.champion()
