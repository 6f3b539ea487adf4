"""The bundle: what is written is what is read, and damage is rejected."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from tabular.errors import BrokenBundle
from tabular.model.bundle import Golden, read_bundle


@pytest.fixture
def copy(bundle, tmp_path):
    shutil.copytree(bundle.folder, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_reads_back_whole(bundle):
    again = read_bundle(bundle.folder)
    again.verify()
    assert again.digest == bundle.digest
    assert again.contract == bundle.contract
    assert len(again.reference()) == 2_000


def test_a_bundle_holds_no_pickle(bundle):
    suffixes = {path.suffix for path in bundle.folder.iterdir()}
    assert suffixes == {".json", ".ubj", ".parquet"}


@pytest.mark.parametrize("name", ["model.ubj", "contract.json", "golden.json", "reference.parquet"])
def test_a_changed_file_is_refused_by_name(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    with pytest.raises(BrokenBundle, match=name):
        read_bundle(copy)


def test_a_missing_file_is_rejected(copy):
    (copy / "model.ubj").unlink()
    with pytest.raises(BrokenBundle, match=r"model\.ubj"):
        read_bundle(copy)


def test_another_score_on_a_golden_record_is_refused_by_number(bundle):
    first, *others = bundle.golden
    off = Golden(first.record, tuple(score + 1e-6 for score in first.scores))
    with pytest.raises(BrokenBundle, match="golden record 0"):
        replace(bundle, golden=[off, *others]).verify()


def test_a_bundle_says_its_family_and_another_is_refused_by_name(copy, bundle):
    manifest = json.loads((copy / "manifest.json").read_bytes())
    assert manifest["family"] == bundle.scorer.family == "xgboost"
    (copy / "manifest.json").write_text(json.dumps(manifest | {"family": "oracle"}))
    with pytest.raises(BrokenBundle, match="of the family 'oracle'; this version reads: xgboost"):
        read_bundle(copy)


def test_bytes_that_are_no_model_are_rejected_though_their_sha256_is_right(copy):
    (copy / "model.ubj").write_bytes(b"{}")
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["files"]["model.ubj"] = hashlib.sha256(b"{}").hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BrokenBundle, match=r"(?s)cannot be read: .+ Fetch it again or train again"):
        read_bundle(copy)


def test_a_manifest_from_before_families_is_one_of_xgboost(copy):
    manifest = json.loads((copy / "manifest.json").read_bytes())
    del manifest["family"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    read_bundle(copy).verify()
