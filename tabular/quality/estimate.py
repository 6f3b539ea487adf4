"""The quality of scores before labels come, estimated from the scores alone: confidence-based performance estimation.

If a score's calibrated probability is right, it says how often the row's outcome will be what: so the expected metric
follows without any outcome. (NannyML's documentation, "CBPE"; Kivimäki, Białek, Kuberski and Nurminen, "Performance
estimation in binary classification using calibrated confidence", arXiv 2505.05295, 2025.) It follows a shift of the
inputs as far as calibration holds under it, and is blind to concept drift: it takes for granted that scores mean
what they meant on the rows held out in training. How far that goes is measured (docs/explanation/quality-estimate.md).

    estimator = estimator_of(bundle)  # once a bundle: 0.3 s
    if isinstance(estimator, NoEstimate):
        ...  # estimator.why is a sentence to show
    estimates = estimator.estimate(scores)  # n scores as served, or n x classes: 0.2 s for 100,000
    estimates["roc_auc"].value, estimates["roc_auc"].interval.low
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from tabular.contract.types import Task
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle, probability_columns
from tabular.model.calibration import Calibration, Doubles, Method
from tabular.quality.calibration.choice import FEW_ROWS, rarest_class_rows
from tabular.quality.calibration.expected import Expected, expected_metrics
from tabular.quality.calibration.fitting import fitted
from tabular.quality.intervals import Interval, interval_around
from tabular.quality.metrics import Floats

REPLICATES = 100
"""Calibrations of resampled rows: their spread is known to 7 % then."""

REPLICATED_ROWS = 5_000
"""Rows of a window on which they are compared with the calibration: what they differ by is a mean over rows."""


class Estimate(msgspec.Struct, frozen=True):
    """An estimated metric, and where the metric would be with 95 % confidence if it could be measured on these rows."""

    value: float
    interval: Interval


class NoEstimate(msgspec.Struct, frozen=True):
    """There is no estimate; `why` is a sentence for people."""

    why: str


@dataclass(frozen=True)
class Estimator:
    """Estimates the quality of one model; `replicates` are calibrations of resampled rows of its reference."""

    task: Task
    bundle: Bundle
    replicates: tuple[Calibration, ...]

    def estimate(self, scores: Floats) -> dict[str, Estimate]:
        """The metrics of n scores as served (binary), or n x classes, by name as `metrics` has them; {} for none.

        `roc_auc`, `log_loss`, `brier` and `accuracy`. The interval holds the chance of the outcomes and the error of
        the calibration, not what concept drift does. A metric that the rows would not define is left out.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if not len(scores):
            return {}
        probabilities = self.bundle.probabilities(scores)
        found = expected_metrics(self.task, scores, probabilities)
        errors = self._calibration_errors(found, scores, probabilities)
        return {name: _with_interval(name, one, errors[name]) for name, one in found.items()}

    def _calibration_errors(
        self, found: Mapping[str, Expected], scores: Floats, probabilities: Doubles
    ) -> dict[str, float]:
        """The standard error that each metric has from the calibration, to first order."""
        rows = np.linspace(0, len(scores) - 1, min(len(scores), REPLICATED_ROWS)).astype(np.int64)
        scale = len(scores) / len(rows)
        differences = [replicate.many(scores[rows]) - probabilities[rows] for replicate in self.replicates]
        return {
            name: scale * float(np.sqrt(np.mean([np.sum(one.gradient[rows] * each) ** 2 for each in differences])))
            for name, one in found.items()
        }


def estimator_of(bundle: Bundle, seed: int = 0) -> Estimator | NoEstimate:
    """What estimates the quality of a bundle's scores, or why nothing does; raises OSError without the reference.

    Its calibration is fitted again on `REPLICATES` samples, with replacement, of the rows held out that its reference
    has. Where that is none, Platt's stands in, by which scores may be off without its having shown.
    """
    task = bundle.contract.table.task
    if task == "regression":
        return NoEstimate("A regression has no estimate: its scores do not say how far off they may be.")
    reference = bundle.reference()
    held_out = reference[reference[REFERENCE_SCORE].notna()]
    scores = held_out[list(probability_columns(bundle.contract)) or REFERENCE_SCORE].to_numpy(np.float64)
    target = held_out[REFERENCE_TARGET].to_numpy(np.float64)
    if (rows := rarest_class_rows(task, target, scores)) < FEW_ROWS:
        return NoEstimate(
            f"There is no estimate: the model was made with {rows} rows of its rarest class held out, and {FEW_ROWS} "
            "are needed to know what its scores mean. Train on more rows."
        )
    method: Method = "platt" if bundle.calibration.method == "none" else bundle.calibration.method
    draw = np.random.default_rng(seed)
    samples = (draw.integers(0, len(target), len(target)) for _ in range(REPLICATES))
    return Estimator(task, bundle, tuple(fitted(method, target[rows], scores[rows]) for rows in samples))


def _with_interval(name: str, found: Expected, calibration_error: float) -> Estimate:
    error = float(np.hypot(found.outcome_error, calibration_error))
    return Estimate(found.value, interval_around(name, found.value, error, found.units))
