"""The bundle: one immutable folder per MLflow run with everything a reader of the model needs, and no pickle.

    manifest.json      format version, the sha256 of every other file, and whether the rows were synthetic
    contract.json      the contract the model was trained under
    model.ubj          the XGBoost booster, cut at its best round
    profile.json       the range of every numeric feature on the training rows
    golden.json        request bodies with the exact scores the model gave when it was made
    metrics.json       validation metrics of the trial
    reference.parquet  held-out rows with target and score, for drift (read by the monitor and the reports only)

`predict` must not run before a server forks: an XGBoost that has used threads hangs in the child
(docs/explanation/serving.md), so nothing here is loaded at import and one thread is set.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from tabular.contract.loading import contract_from_json
from tabular.contract.types import Contract
from tabular.encoding.row import Matrix, RowCodec, matrix
from tabular.errors import BrokenBundle, TabularError
from tabular.model.bundle_files import BUNDLE_LIMITS, MANIFEST, read_files

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
REFERENCE_TARGET = "__target__"
REFERENCE_SCORE = "__score__"

Scores = NDArray[np.float32]
Range = tuple[float, float]


class Golden(msgspec.Struct, frozen=True):
    """One request body and the scores it must get, exactly: one number, or one a class."""

    record: dict[str, Any]
    scores: tuple[float, ...]


class Manifest(msgspec.Struct, frozen=True):
    """The bundle's table of contents: file name to sha256; `synthetic` says that the model learnt from made-up rows."""

    format: int
    files: dict[str, str]
    synthetic: bool = False


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle. `digest` is the sha256 of its manifest and names the content of the whole folder."""

    folder: Path
    contract: Contract
    codec: RowCodec
    booster: xgb.Booster
    profile: Mapping[str, Range]
    golden: Sequence[Golden]
    metrics: Mapping[str, float]
    digest: str
    synthetic: bool = False

    def predict(self, rows: Matrix) -> Scores:
        """Score an n x k matrix in contract order: n scores, or n x classes for a multiclass model."""
        scores: Scores = self.booster.inplace_predict(rows, missing=np.nan, validate_features=False)
        return scores

    def verify(self) -> None:
        """Score the golden records again; raises BrokenBundle naming the first that differs in any bit."""
        rows = [self.codec.parse(golden.record) for golden in self.golden]
        scores = self.predict(matrix(rows)).reshape(len(rows), -1)
        for position, (golden, got) in enumerate(zip(self.golden, scores, strict=True)):
            if tuple(map(float, got)) != golden.scores:
                raise BrokenBundle(
                    f"golden record {position} scores {got.tolist()} here but {list(golden.scores)} when the model was "
                    f"made: {golden.record}. Do not serve it: train again, or run the XGBoost version it was made with"
                )

    def reference(self) -> pd.DataFrame:
        """The drift reference: canonical feature values, plus the columns REFERENCE_TARGET and REFERENCE_SCORE."""
        import pandas as pd

        return pd.read_parquet(self.folder / "reference.parquet")


def write_bundle(  # noqa: PLR0913 - the parts of a bundle
    folder: Path,
    contract: Contract,
    booster: xgb.Booster,
    reference: pd.DataFrame,
    profile: Mapping[str, Range],
    golden_records: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, float],
    *,
    synthetic: bool = False,
) -> Bundle:
    """Write a bundle into an empty folder and read it back; its golden scores come from the written booster."""
    parquet = io.BytesIO()
    reference.to_parquet(parquet, index=False)
    files = {
        "contract.json": msgspec.json.encode(contract),
        "model.ubj": bytes(booster.save_raw("ubj")),
        "profile.json": msgspec.json.encode(profile),
        "metrics.json": msgspec.json.encode(metrics),
        "reference.parquet": parquet.getvalue(),
    }
    files["golden.json"] = msgspec.json.encode(_golden(contract, files["model.ubj"], golden_records))
    manifest = Manifest(FORMAT, {name: _sha256(body) for name, body in sorted(files.items())}, synthetic)
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return read_bundle(folder)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle; raises BrokenBundle if a file is missing, changed, unreadable or too large."""
    try:
        files = read_files(folder)
        manifest = _checked_manifest(folder, files)
        contract = contract_from_json(files["contract.json"])
        return Bundle(
            folder=folder,
            contract=contract,
            codec=RowCodec(contract),
            booster=_booster(files["model.ubj"]),
            profile=msgspec.json.decode(files["profile.json"], type=dict[str, Range]),
            golden=[_as_meant(one, contract) for one in msgspec.json.decode(files["golden.json"], type=list[Golden])],
            metrics=msgspec.json.decode(files["metrics.json"], type=dict[str, float]),
            digest=_sha256(files[MANIFEST]),
            synthetic=manifest.synthetic,
        )
    except BrokenBundle:
        raise
    except (OSError, KeyError, msgspec.MsgspecError, xgb.core.XGBoostError, TabularError) as error:
        raise BrokenBundle(f"the bundle in {folder} cannot be read: {error}. Fetch it again or train again") from error


def _checked_manifest(folder: Path, files: Mapping[str, bytes]) -> Manifest:
    manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    if manifest.format != FORMAT:
        raise BrokenBundle(f"the bundle in {folder} has format {manifest.format}; this version reads format {FORMAT}")
    if (named := {*manifest.files, MANIFEST}) != set(BUNDLE_LIMITS.file_bytes):
        odd = ", ".join(sorted(named ^ set(BUNDLE_LIMITS.file_bytes)))[:200]
        raise BrokenBundle(f"the manifest of the bundle in {folder} does not name the files of a bundle: {odd}")
    for name, sha256 in manifest.files.items():
        if _sha256(files[name]) != sha256:
            raise BrokenBundle(f"{folder / name} was changed after the bundle was made. Fetch the bundle again")
    return manifest


def _golden(contract: Contract, model: bytes, records: Sequence[Mapping[str, Any]]) -> list[Golden]:
    codec, booster = RowCodec(contract), _booster(model)
    rows = matrix([codec.parse(record) for record in records])
    scores = booster.inplace_predict(rows, missing=np.nan, validate_features=False).reshape(len(records), -1)
    return [Golden(dict(record), tuple(map(float, got))) for record, got in zip(records, scores, strict=True)]


def _as_meant(golden: Golden, contract: Contract) -> Golden:
    """A golden record in which a number means what it meant when it was made.

    In earlier bundles a number is the position of an ordinal's category also where the categories are numbers.
    """
    record = {
        feature.name: feature.categories[value]
        for feature in contract.features
        if feature.kind == "ordinal"
        and feature.has_numerals
        and isinstance(value := golden.record.get(feature.name), int)
        and 0 <= value < len(feature.categories)
    }
    return Golden(golden.record | record, golden.scores) if record else golden


def _booster(model: bytes) -> xgb.Booster:
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(model))
    booster.set_param({"nthread": 1})
    return booster


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
