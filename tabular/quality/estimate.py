"""The quality of scores before labels come, estimated from the scores alone: confidence-based performance estimation.

If a score's calibrated probability is right, it says how often the row's outcome will be what: so the expected metric
follows without any outcome. (NannyML's documentation, "CBPE"; Kivimäki, Białek, Kuberski and Nurminen, "Performance
estimation in binary classification using calibrated confidence", arXiv 2505.05295, 2025.) What the same is off by on
the rows held out in training, whose outcomes are known, is taken off: the estimate is what was measured there, and how
the expected metric differs from theirs (the rectifier of prediction-powered inference: Angelopoulos, Bates, Fannjiang,
Jordan and Zrnic, Science 382, 2023). It follows a shift of the inputs as far as calibration holds under it, and is
blind to concept drift: how far that goes is measured (docs/explanation/quality-estimate.md).

    estimator = estimator_of(bundle)  # once a bundle: 0.5 s
    if isinstance(estimator, NoEstimate):
        ...  # estimator.why is a sentence to show
    estimates = estimator.estimate(scores)  # n scores as served, or n x classes: 0.2 s for 100,000
    estimates["roc_auc"].value, estimates["roc_auc"].interval.low
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Task
from tabular.model.bundle import Bundle
from tabular.model.calibration import Calibration, Doubles, Method
from tabular.quality.calibration.choice import FEW_ROWS, rarest_class_rows
from tabular.quality.calibration.expected import Expected, expected_metrics
from tabular.quality.calibration.fitting import fitted
from tabular.quality.interval import Interval
from tabular.quality.intervals import interval_around
from tabular.quality.labelled.rows import held_out
from tabular.quality.metrics import Floats

REPLICATES = 50
"""Samples of the rows held out, each with its calibration: their spread is known to a tenth then."""

REPLICATED_ROWS = 5_000
"""Rows of a window on which calibrations are compared: what they differ by is a mean over rows."""

HIGHEST = {"roc_auc": 1.0, "accuracy": 1.0}
"""Metrics that have a highest value; none is below 0."""

Offsets = Mapping[str, float]
"""What each metric, measured on rows held out, is above its expected value there."""


class Estimate(msgspec.Struct, frozen=True):
    """An estimated metric, and where the metric would be with 95 % confidence if it could be measured on these rows."""

    value: float
    interval: Interval


class NoEstimate(msgspec.Struct, frozen=True):
    """There is no estimate; `why` is a sentence for people."""

    why: str


class Replicate(NamedTuple):
    """What a sample of the rows held out, with replacement, would have taught."""

    calibration: Calibration
    offsets: Offsets


@dataclass(frozen=True)
class Estimator:
    """Estimates the quality of one model, by its bundle and by the rows held out that the bundle's reference has."""

    task: Task
    bundle: Bundle
    offsets: Offsets
    replicates: tuple[Replicate, ...]

    def estimate(self, scores: Floats) -> dict[str, Estimate]:
        """The metrics of n scores as served (binary), or n x classes, by name as `metrics` has them; {} for none.

        `roc_auc`, `log_loss`, `brier` and `accuracy`. The interval holds the chance of the outcomes and what the rows
        held out leave open, not what concept drift does. A metric that the rows would not define is left out.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if not len(scores):
            return {}
        probabilities = self.bundle.probabilities(scores)
        found = expected_metrics(self.task, scores, probabilities)
        errors = self._errors(found, scores, probabilities)
        return {
            name: _with_interval(name, one, self.offsets[name], errors[name])
            for name, one in found.items()
            if name in self.offsets
        }

    def _errors(self, found: Mapping[str, Expected], scores: Floats, probabilities: Doubles) -> dict[str, float]:
        """The standard error that each metric has from the rows held out, to first order."""
        rows = np.linspace(0, len(scores) - 1, min(len(scores), REPLICATED_ROWS)).astype(np.int64)
        scale = len(scores) / len(rows)
        squares = dict.fromkeys(found, 0.0)
        for calibration, offsets in self.replicates:
            change = calibration.many(scores[rows]) - probabilities[rows]
            for name, one in found.items():
                moved = scale * float(np.sum(one.gradient[rows] * change))
                # An offset that a sample does not define counts as that of all rows.
                offset = self.offsets.get(name, 0.0)
                squares[name] += (moved + offsets.get(name, offset) - offset) ** 2
        return {name: float(np.sqrt(total / len(self.replicates))) for name, total in squares.items()}


def estimator_of(bundle: Bundle, seed: int = 0) -> Estimator | NoEstimate:
    """What estimates the quality of a bundle's scores, or why nothing does; raises OSError without the reference.

    Its calibration is fitted again on `REPLICATES` samples, with replacement, of the rows held out that its reference
    has. Where that is none, Platt's stands in, by which scores may be off without its having shown.
    """
    task = bundle.contract.table.task
    if task == "regression":
        return NoEstimate("A regression has no estimate: its scores do not say how far off they may be.")
    known = held_out(bundle.reference(), bundle.contract)
    target, scores = known.target, known.scores
    if (rows := rarest_class_rows(task, target, scores)) < FEW_ROWS:
        return NoEstimate(
            f"There is no estimate: the model was made with {rows} rows of its rarest class held out, and {FEW_ROWS} "
            "are needed to know what its scores mean. Train on more rows."
        )
    method: Method = "platt" if bundle.calibration.method == "none" else bundle.calibration.method

    def replicate(sample: NDArray[np.int64]) -> Replicate:
        calibration = fitted(method, target[sample], scores[sample])
        return Replicate(calibration, _offsets(task, target[sample], scores[sample], calibration.many(scores[sample])))

    draw = np.random.default_rng(seed)
    samples = (draw.integers(0, len(target), len(target)) for _ in range(REPLICATES))
    offsets = _offsets(task, target, scores, bundle.probabilities(scores))
    return Estimator(task, bundle, offsets, tuple(map(replicate, samples)))


def _offsets(task: Task, target: Floats, scores: Floats, probabilities: Doubles) -> Offsets:
    # Outcomes that are certain give what is measured, by the same code.
    codes = target.astype(np.int64)
    outcomes = codes.astype(np.float64) if task == "binary" else np.eye(scores.shape[1])[codes]
    measured, expected = (expected_metrics(task, scores, each) for each in (outcomes, probabilities))
    return {name: one.value - expected[name].value for name, one in measured.items() if name in expected}


def _with_interval(name: str, found: Expected, offset: float, calibration_error: float) -> Estimate:
    value = min(max(found.value + offset, 0.0), HIGHEST.get(name, np.inf))
    error = float(np.hypot(found.outcome_error, calibration_error))
    return Estimate(value, interval_around(name, value, error, found.units))
