"""A trial made servable: what its bundle holds beside the model is the same for every trial of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_orchestration.data.folds import Fold
from model_orchestration.data.split import Split, joined
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.out_of_fold import ScoresOfFold
from model_orchestration.search.trial import Params, SearchData, Trial, objective
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.data.input_frame import input_columns, input_frame
from tabular.data.table import CleanTable, encode, public_records
from tabular.encoding.row import Matrix
from tabular.model.bundle import (
    REFERENCE_CLASS,
    REFERENCE_SCORE,
    REFERENCE_TARGET,
    Bundle,
    Range,
    probability_columns,
    write_bundle,
)
from tabular.model.calibration import NO_CALIBRATION, Calibration, calibrated
from tabular.model.pyfunc import describe
from tabular.model.scorer import Scorer
from tabular.quality.calibration.choice import chosen
from tabular.quality.metrics import Floats

MAX_REFERENCE_ROWS = 5_000
FEW_REFERENCE_ROWS = 300
GOLDEN_ROWS = 20
UNKNOWN_CATEGORY = "a category of no table"


def search_data(contract: Contract, split: Split, *, has_train: bool = True) -> SearchData:
    """The parts of a split that a sweep may see: never the test rows; no training rows for who has them elsewhere."""
    train = split.train if has_train else split.train.take(np.empty(0, dtype=np.int64))
    return SearchData(
        train=encode(contract, train.features),
        train_target=train.target.to_numpy(),
        validation=encode(contract, split.validation.features),
        validation_target=split.validation.target.to_numpy(),
        is_number=tuple(column.is_numeric for column in contract.inputs),
        is_nominal=tuple(column.is_nominal for column in contract.inputs),
        non_negative=contract.target.non_negative,
    )


def scores_by_params(name: str, contract: Contract, table: CleanTable, params: Params, seed: int) -> ScoresOfFold:
    """Fits a trial's settings on each fold as the sweep does: training stops where the validation rows say."""

    def scores(fold: Fold) -> Mapping[str, Floats]:
        parts = fold.parts(table)
        own = learnt(contract, parts.train)
        trial = make_fit(own, parts, seed)(0, params)
        scorer = served_scorer(own, trial, calibration_of(own, trial, parts.validation.target.to_numpy(), seed))
        return {name: scorer.many(encode(own, parts.test.features))}

    return scores


def calibration_of(contract: Contract, trial: Trial, validation_target: Floats, seed: int) -> Calibration:
    """The calibration that a trial's bundle gets, by its scores of the validation rows."""
    return chosen(contract.table.task, validation_target, trial.validation_scores, seed)


def served_scorer(contract: Contract, trial: Trial, calibration: Calibration) -> Scorer:
    """What scores as the trial's bundle would be served."""
    return calibrated(trial.scorer, calibration) if contract.training.calibrated else trial.scorer


def make_fit(contract: Contract, split: Split, seed: int, *, has_train: bool = True) -> Fit:
    """What fits the trials of a sweep: on train, validated on validation; it never sees the test rows.

    Without training rows it finishes what a cluster fits on its own.
    """
    return Fit(search_data(contract, split, has_train=has_train), objective(contract), seed, contract.training)


@dataclass(frozen=True)
class Bundler:
    """Writes the bundles of one sweep.

    The drift reference is held out: validation rows, whose scores the model has not memorised. Where they are few it is
    the whole table, without scores of the rows that the model was fitted on: `scored_inputs` are those of the others,
    validation and test rows, at `scored_at` among the rows of the reference. Build it with `bundler`.
    """

    contract: Contract
    validation_target: NDArray[np.floating[Any]]
    reference: pd.DataFrame
    reference_rows: NDArray[np.int64]
    profile: Mapping[str, Range]
    golden_records: list[dict[str, Any]]
    synthetic: bool = False
    scored_inputs: Matrix | None = None
    scored_at: NDArray[np.int64] | None = None
    seed: int = 0

    def write(
        self, trial: Trial, folder: Path, metrics: Mapping[str, float], calibration: Calibration | None = None
    ) -> Bundle:
        """Write the trial's bundle into an empty folder, with the description that MLflow's tools read.

        Without a calibration it gets the one that its scores of the validation rows teach.
        """
        if calibration is None:
            calibration = calibration_of(self.contract, trial, self.validation_target, self.seed)
        reference = with_scores(self.contract, self.reference, self.reference_scores(trial, calibration))
        bundle = write_bundle(
            folder,
            self.contract,
            trial.scorer,
            reference,
            self.profile,
            self.golden_records,
            metrics,
            synthetic=self.synthetic,
            calibration=calibration,
        )
        describe(folder, self.contract)
        return bundle

    def reference_scores(self, trial: Trial, calibration: Calibration = NO_CALIBRATION) -> Floats:
        """The scores of each row of the reference, as served: n, or n x classes; NaN where the trial was fitted on."""
        if self.scored_inputs is None:
            scores = trial.validation_scores[self.reference_rows]
            if self.contract.training.calibrated and calibration.curves:
                scores = calibration.many(scores).astype(np.float32)
            return np.asarray(scores, dtype=np.float64)
        scores = served_scorer(self.contract, trial, calibration).many(self.scored_inputs)
        found = np.full((len(self.reference), *scores.shape[1:]), np.nan)
        found[self.scored_at] = scores
        return found


def with_scores(contract: Contract, reference: pd.DataFrame, scores: Floats) -> pd.DataFrame:
    """A reference with the scores of its rows, NaN where it has none, as predictions store them.

    Of several classes the score is the probability of the likeliest, which is there too, and so is every probability.
    """
    scores = scores.astype(np.float64)
    if scores.ndim == 1:
        return reference.assign(**{REFERENCE_SCORE: scores})
    highest = scores.max(axis=1)
    found = {REFERENCE_SCORE: highest, REFERENCE_CLASS: np.where(np.isnan(highest), np.nan, scores.argmax(axis=1))}
    return reference.assign(**found, **dict(zip(probability_columns(contract), scores.T, strict=True)))


def bundler(contract: Contract, split: Split, seed: int, *, synthetic: bool = False) -> Bundler:
    """Prepare what every bundle of the sweep shares; a large validation part is sampled by seed.

    `synthetic` says that the table is synthetic, for the bundles to say so too.
    """
    is_few = len(split.validation) < FEW_REFERENCE_ROWS
    held_out = joined(split) if is_few else split.validation
    rows = np.arange(len(held_out))
    if len(rows) > MAX_REFERENCE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_REFERENCE_ROWS, replace=False))
    kept = held_out.take(rows)
    not_fitted = np.flatnonzero(~kept.features.index.isin(split.train.features.index)) if is_few else None
    return Bundler(
        contract=contract,
        validation_target=split.validation.target.to_numpy(),
        reference=input_frame(contract, kept.features).assign(**{REFERENCE_TARGET: kept.target}).reset_index(drop=True),
        reference_rows=rows,
        profile=profile(contract, split.train),
        golden_records=golden_records(contract, kept),
        synthetic=synthetic,
        scored_inputs=None if not_fitted is None else encode(contract, kept.features.iloc[not_fitted]),
        scored_at=not_fitted,
        seed=seed,
    )


def profile(contract: Contract, train: CleanTable) -> dict[str, Range]:
    """The lowest and the highest value of each numeric input of the model on the training rows."""
    columns = zip(contract.inputs, input_columns(contract, train.features), strict=True)  # one at a time in memory
    numeric = ((column.name, codes) for column, codes in columns if column.is_numeric)
    return {
        name: (float(np.nanmin(codes)), float(np.nanmax(codes))) for name, codes in numeric if not np.isnan(codes).all()
    }


def golden_records(contract: Contract, table: CleanTable) -> list[dict[str, Any]]:
    """Request bodies of real rows, then one of each edge case: nulls, an unknown category, the far ends, codes."""
    records = public_records(contract, table.features.iloc[:GOLDEN_ROWS])
    pattern = records[0]
    unknown = {
        feature.name: UNKNOWN_CATEGORY
        for feature in contract.features
        if feature.has_categories and not feature.is_boolean
    }
    codes = {
        feature.name: len(feature.categories) - 1
        for feature in contract.features
        if feature.has_codes or feature.is_boolean
    }
    awkward = [
        dict.fromkeys(contract.feature_names),
        pattern | unknown,
        pattern | codes,
        pattern | _ends(contract, 0),
        pattern | _ends(contract, 1),
    ]
    return [*records, *awkward]


def _ends(contract: Contract, end: int) -> dict[str, int | float]:
    return {feature.name: feature.ends[end] for feature in contract.features if feature.is_numeric}
