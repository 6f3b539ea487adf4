"""The bundle: one immutable folder per MLflow run with everything a reader of the model needs, and no pickle.

    manifest.json      format version, model family, sha256 of every other file, whether the data were synthetic
    contract.json      the contract the model was trained under
    model.ubj          the model, as its family's scorer writes it; model.json of a linear one, model.txt of LightGBM
    profile.json       the range of every numeric feature on the training rows
    calibration.json   from its scores to probabilities that hold as frequencies
    golden.json        request bodies with the exact scores the model gave when it was made
    metrics.json       validation metrics of the trial
    reference.parquet  held-out rows with target and score, for drift (read by the monitor and the reports only)

The library of the model's family is imported when the first model is read (`tabular/model/families.py`).
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
from numpy.typing import NDArray

from tabular.contract.loading import contract_from_json
from tabular.contract.types import Contract
from tabular.encoding.row import Matrix, RowCodec, matrix
from tabular.errors import BrokenBundle, TabularError
from tabular.model.bundle_files import MANIFEST, read_files
from tabular.model.calibration import NO_CALIBRATION, Calibration, Doubles, calibrated
from tabular.model.families import model_file, read_scorer
from tabular.model.scorer import Scorer, Scores

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
REFERENCE_TARGET = "__target__"
REFERENCE_SCORE = "__score__"
REFERENCE_CLASS = "__predicted_class__"
"""Of a multiclass model: the position of the likeliest class, whose probability is the score."""

Range = tuple[float, float]
Floats = NDArray[np.floating[Any]]


def probability_columns(contract: Contract) -> tuple[str, ...]:
    """What the reference of a multiclass model calls the probabilities, in the order of the classes; else none."""
    is_multiclass = contract.table.task == "multiclass"
    return tuple(f"__probability_{at}__" for at in range(len(contract.target.classes) if is_multiclass else 0))


class Golden(msgspec.Struct, frozen=True):
    """One request body and the scores it must get, exactly: one number, or one a class."""

    record: dict[str, Any]
    scores: tuple[float, ...]


class Manifest(msgspec.Struct, frozen=True):
    """The table of contents: file name to sha256; `synthetic` says that the model was trained on synthetic data."""

    format: int
    files: dict[str, str]
    synthetic: bool = False
    family: str = "xgboost"


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle. `digest` is the sha256 of its manifest and names the content of the whole folder."""

    folder: Path
    contract: Contract
    codec: RowCodec
    scorer: Scorer
    profile: Mapping[str, Range]
    golden: Sequence[Golden]
    metrics: Mapping[str, float]
    digest: str
    synthetic: bool = False
    calibration: Calibration = NO_CALIBRATION

    def predict(self, rows: Matrix) -> Scores:
        """Score an n x k matrix in contract order: n scores, or n x classes; raises ValueError for another width."""
        return self.scorer.many(rows)

    def probabilities(self, scores: Floats) -> Doubles:
        """The calibrated probabilities of this bundle's scores: these themselves if the contract calibrates them."""
        return NO_CALIBRATION.many(scores) if self.contract.training.calibrated else self.calibration.many(scores)

    def compiled_scorer(self) -> Scorer:
        """The fastest scorer that is bit-identical to this bundle's, on the golden records among others."""
        return self.scorer.compiled(self._golden_rows())

    def verify(self) -> None:
        """Score the golden records again; raises BrokenBundle naming the first that differs in any bit."""
        scores = self.predict(self._golden_rows()).reshape(len(self.golden), -1)
        for position, (golden, got) in enumerate(zip(self.golden, scores, strict=True)):
            if tuple(map(float, got)) != golden.scores:
                raise BrokenBundle(
                    f"golden record {position} scores {got.tolist()} here but {list(golden.scores)} when the model was "
                    f"made: {golden.record}. Do not serve it: train again, or use the library version it was made with"
                )

    def _golden_rows(self) -> Matrix:
        return matrix([self.codec.parse(golden.record) for golden in self.golden])

    def reference(self) -> pd.DataFrame:
        """The drift reference: the model's inputs, plus REFERENCE_TARGET and REFERENCE_SCORE; raises OSError.

        Of a multiclass model also REFERENCE_CLASS and the `probability_columns`.
        """
        import pandas as pd

        return pd.read_parquet(self.folder / "reference.parquet")


def write_bundle(  # noqa: PLR0913 - the parts of a bundle
    folder: Path,
    contract: Contract,
    scorer: Scorer,
    reference: pd.DataFrame,
    profile: Mapping[str, Range],
    golden_records: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, float],
    *,
    synthetic: bool = False,
    calibration: Calibration = NO_CALIBRATION,
) -> Bundle:
    """Write a bundle into an empty folder and read it back; its golden scores come from the model as it was written.

    `scorer` is the model before any calibration. Raises InvalidRow for a golden record that is not valid under the
    contract, ValueError for a calibration of another task, OSError if the folder cannot be written.
    """
    parquet = io.BytesIO()
    reference.to_parquet(parquet, index=False)
    files = {
        "contract.json": msgspec.json.encode(contract),
        (model := model_file(scorer.family)): scorer.to_bytes(),
        "profile.json": msgspec.json.encode(profile),
        "calibration.json": msgspec.json.encode(calibration),
        "metrics.json": msgspec.json.encode(metrics),
        "reference.parquet": parquet.getvalue(),
    }
    written = _scorer(scorer.family, files[model], contract, calibration)
    files["golden.json"] = msgspec.json.encode(_golden(contract, written, golden_records))
    sha256s = {name: _sha256(body) for name, body in sorted(files.items())}
    manifest = Manifest(FORMAT, sha256s, synthetic, scorer.family)
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
        calibration = msgspec.json.decode(files["calibration.json"], type=Calibration)
        return Bundle(
            folder=folder,
            contract=contract,
            codec=RowCodec(contract),
            scorer=_scorer(manifest.family, files[model_file(manifest.family)], contract, calibration),
            profile=msgspec.json.decode(files["profile.json"], type=dict[str, Range]),
            golden=[
                _with_categories(one, contract) for one in msgspec.json.decode(files["golden.json"], type=list[Golden])
            ],
            metrics=msgspec.json.decode(files["metrics.json"], type=dict[str, float]),
            digest=_sha256(files[MANIFEST]),
            synthetic=manifest.synthetic,
            calibration=calibration,
        )
    except BrokenBundle:
        raise
    except (OSError, KeyError, ValueError, msgspec.MsgspecError, TabularError) as error:
        raise BrokenBundle(f"the bundle in {folder} cannot be read: {error}. Fetch it again or train again") from error


def _scorer(family: str, model: bytes, contract: Contract, calibration: Calibration) -> Scorer:
    """The scorer that serves; raises ValueError for a model or a calibration that is none of this contract."""
    is_binary = contract.table.task == "binary"
    calibration.check(1 if is_binary else len(contract.target.classes))
    scorer = read_scorer(family, model, non_negative=contract.target.non_negative)
    return calibrated(scorer, calibration) if contract.training.calibrated else scorer


def _checked_manifest(folder: Path, files: Mapping[str, bytes]) -> Manifest:
    manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    if manifest.format != FORMAT:
        raise BrokenBundle(f"the bundle in {folder} has format {manifest.format}; this version reads format {FORMAT}")
    if model_file(manifest.family) not in files:
        raise BrokenBundle(f"the bundle in {folder} has no {model_file(manifest.family)}, the model of its family")
    if (named := {*manifest.files, MANIFEST}) != set(files):
        odd = ", ".join(sorted(named ^ set(files)))[:200]
        raise BrokenBundle(f"the manifest of the bundle in {folder} does not name the files of a bundle: {odd}")
    for name, sha256 in manifest.files.items():
        if _sha256(files[name]) != sha256:
            raise BrokenBundle(f"{folder / name} was changed after the bundle was made. Fetch the bundle again")
    return manifest


def _golden(contract: Contract, scorer: Scorer, records: Sequence[Mapping[str, Any]]) -> list[Golden]:
    codec = RowCodec(contract)
    scores = scorer.many(matrix([codec.parse(record) for record in records])).reshape(len(records), -1)
    return [Golden(dict(record), tuple(map(float, got))) for record, got in zip(records, scores, strict=True)]


def _with_categories(golden: Golden, contract: Contract) -> Golden:
    """The record with an ordinal's category in the place of its position, by which earlier bundles name it."""
    record = {
        feature.name: feature.categories[value]
        for feature in contract.features
        if feature.kind == "ordinal"
        and feature.has_numerals
        and isinstance(value := golden.record.get(feature.name), int)
        and 0 <= value < len(feature.categories)
    }
    return Golden(golden.record | record, golden.scores) if record else golden


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
