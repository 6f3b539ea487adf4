"""One draw: a table split anew, a model fitted and bundled, and windows of its other rows whose inputs have shifted."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import split
from model_orchestration.evaluation.explained import contributions
from model_orchestration.search.candidate import bundler, make_fit
from model_orchestration.search.recalibration import out_of_fold_calibration
from tabular.contract.split_rules import SplitRules
from tabular.contract.types import Contract
from tabular.data.prepared import prepare
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, encode
from tabular.encoding.row import Matrix
from tabular.model.bundle import Bundle
from tabular.quality.calibration.expected import expected_metrics
from tabular.quality.estimate import Estimate, Estimator, NoEstimate, estimator_of
from tabular.quality.metrics import metrics

SHARES, WINDOW_SHARE = (0.5, 0.2, 0.3), 0.4
PARAMS = {"family": "xgboost", "learning_rate": 0.1, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.8}
INPUTS, EXPLAINED_ROWS = 5, 300
MEAN_OF_HALF_NORMAL = math.sqrt(2 / math.pi)
"""The mean absolute value of a normal variable, in its standard deviations."""

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Window:
    """Rows drawn with this strength, some labels turned round: what was estimated and what was measured.

    `before` is measured on all rows that were left, `uncalibrated` estimated from the scores as they are, and `chance`
    the mean absolute error from the draw of the outcomes alone.
    """

    strength: float
    flipped: float
    rows: int
    method: str
    estimates: Mapping[str, Estimate]
    measured: Figures
    before: Figures
    uncalibrated: Figures
    chance: Figures


@dataclass(frozen=True)
class Drawn:
    """A bundle, what estimates its quality, and the rows that it was neither fitted nor calibrated on."""

    bundle: Bundle
    estimator: Estimator
    inputs: Matrix
    scores: NDArray[np.floating[Any]]
    target: NDArray[np.float64]
    seed: int

    def window(self, strength: float, flipped: float = 0.0) -> Window:
        """A window of these rows; the same seed draws the same rows whatever is flipped."""
        draw = np.random.default_rng((self.seed, round(10 * strength)))
        # The largest of the log weights with Gumbel's noise are a sample without replacement (Yellott 1977).
        keys = strength * self._tilt() + draw.gumbel(size=len(self.scores))
        rows = np.argsort(keys)[-round(WINDOW_SHARE * len(keys)) :]
        scores, target = self.scores[rows], self.target[rows]
        target = np.where(draw.random(len(rows)) < flipped, 1 - target, target)
        chance = expected_metrics("binary", scores, self.bundle.probabilities(scores))
        return Window(
            strength,
            flipped,
            len(rows),
            self.bundle.calibration.method,
            self.estimator.estimate(scores),
            metrics("binary", target, scores),
            metrics("binary", self.target, self.scores),
            {name: one.value for name, one in expected_metrics("binary", scores, scores.astype(np.float64)).items()},
            {name: one.outcome_error * MEAN_OF_HALF_NORMAL for name, one in chance.items()},
        )

    def _tilt(self) -> NDArray[np.float64]:
        """The standardised ranks of one of the inputs that contribute most, in either direction; 0 where missing."""
        strength = np.abs(contributions(self.bundle.scorer, self.inputs[:EXPLAINED_ROWS])).mean(axis=(0, 1))
        column = self.inputs[:, np.argsort(strength)[::-1][self.seed % INPUTS]]
        _, member, counts = np.unique(column, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - counts / 2)[member]
        ranks[np.isnan(column)] = np.nan
        standard = (ranks - np.nanmean(ranks)) / max(float(np.nanstd(ranks)), 1e-9)
        return np.nan_to_num(standard) * (1 if (self.seed // INPUTS) % 2 else -1)


def table_of(contract: Contract, file: Path | None, rows: int) -> CleanTable:
    """The table of a file, or so many synthetic rows."""
    return prepare(contract, file.read_bytes() if file is not None else make_table(contract, rows, seed=1)).required


def drawn(contract: Contract, table: CleanTable, seed: int) -> Drawn:
    """Split, fit and bundle; raises SystemExit if the table is too small for an estimate."""
    contract = msgspec.structs.replace(contract, split=SplitRules(shares=SHARES))
    parts = split(table, seed, contract.split)
    trial = make_fit(contract, parts, seed)(0, PARAMS)
    calibration = out_of_fold_calibration(contract, parts, PARAMS, seed, workers=1)
    with tempfile.TemporaryDirectory() as folder:
        bundle = bundler(contract, parts, seed).write(trial, Path(folder), {}, calibration)
        estimator = estimator_of(bundle, seed)
    if isinstance(estimator, NoEstimate):
        raise SystemExit(estimator.why)
    inputs = encode(contract, parts.test.features)
    return Drawn(bundle, estimator, inputs, bundle.predict(inputs), parts.test.target.to_numpy(), seed)
