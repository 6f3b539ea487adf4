"""The snapshot of one run: its newest predictions in numbers, compared with the reference of its own model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitoring.alarms.kinds import Alarm, Kind
from monitoring.quality import RunQuality
from tabular.model.bundle import Bundle
from tabular.predictions.sampling import Sample, of_contract
from tabular.predictions.window import window_frame
from tabular.quality.drift import Drift, compare
from tabular.quality.estimate import Estimate
from tabular.quality.row_counts import TooFewRows

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Window:
    """A summary of the newest predictions of a run, which needs no model; times are seconds since 1970.

    Of a window that was sampled, `rows` and the counts are scaled up from the `read_rows` that were read, and `error`
    is the most by which a share of it may be off. `left_out` counts documents that were read and are no predictions
    of the run's contract. Without any prediction, `newest_at` and `oldest_at` are None.
    """

    rows: int
    read_rows: int
    error: float
    left_out: int
    newest_at: float | None
    oldest_at: float | None
    mean_score: float
    score_quantiles: Mapping[float, float]
    missing: Counts
    unknown: Counts
    out_of_range: Counts
    predicted_classes: Counts = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What came of comparing a window with its reference, when (seconds since 1970), and how long it took."""

    outcome: Drift | TooFewRows
    reference_rows: int
    computed_at: float
    seconds: float


@dataclass(frozen=True)
class RunSnapshot:
    """A run that predicts: its window, its model, their last comparison, its alarms and its measured quality.

    None is what is not known. `estimates` are those of the window's quality, by metric: they are no measurements.
    """

    window: Window
    model_up: bool | None = None
    bundle: Bundle | None = None
    comparison: Comparison | None = None
    alarms: Mapping[Kind, Alarm] | None = None
    quality: RunQuality | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def drift(self) -> Drift | None:
        """The drift that the last comparison found; None if there was none, or too few rows for one."""
        if self.comparison is None or isinstance(self.comparison.outcome, TooFewRows):
            return None
        return self.comparison.outcome


def compared(sample: Sample, bundle: Bundle, min_rows: int) -> Comparison:
    """Compare a sample (newest first) with the bundle's reference."""
    began, reference = time.perf_counter(), bundle.reference()
    outcome = compare(reference, window_frame(sample.predictions, bundle.contract), bundle.contract, min_rows)
    return Comparison(outcome, len(reference), time.time(), time.perf_counter() - began)


def fit(sample: Sample, bundle: Bundle) -> Sample:
    """The predictions of a sample that were made under the bundle's contract."""
    return of_contract(sample, bundle.contract.digest)


def summary(sample: Sample, bundle: Bundle | None) -> Window:
    """One window (newest first) in numbers; every feature is counted, also those with nothing to count.

    The features are the contract's with its derived columns, or, without a bundle, those that most predictions have:
    what a stray document names makes no label.
    """
    predictions = sample.predictions
    names = list(bundle.contract.columns) if bundle is not None else _usual_columns(sample)
    scores = np.array([prediction.score for prediction in predictions], dtype=np.float64)
    known = scores[np.isfinite(scores)]
    quantiles = dict(zip(QUANTILES, np.quantile(known, QUANTILES).tolist(), strict=True)) if known.size else {}

    def counted(found: Counter[str]) -> Counts:
        return {name: found[name] for name in names}

    classes = (
        bundle.contract.target.classes if bundle is not None and bundle.contract.table.task == "multiclass" else ()
    )
    predicted = sample.counted(one.predicted_class for one in predictions if one.predicted_class is not None)
    return Window(
        rows=sample.rows,
        read_rows=len(predictions),
        error=sample.error,
        left_out=sample.left_out,
        newest_at=predictions[0].made_at.timestamp() if predictions else None,
        oldest_at=predictions[-1].made_at.timestamp() if predictions else None,
        mean_score=float(known.mean()) if known.size else float("nan"),
        score_quantiles=quantiles,
        missing=counted(sample.counted(name for prediction in predictions for name in prediction.missing)),
        unknown=counted(sample.counted(name for prediction in predictions for name in prediction.unknown)),
        out_of_range=counted(sample.counted(name for prediction in predictions for name in prediction.out_of_range)),
        predicted_classes={name: predicted[name] for name in classes},
    )


def _usual_columns(sample: Sample) -> Sequence[str]:
    shapes = Counter(tuple(prediction.row) for prediction in sample.predictions)
    return shapes.most_common(1)[0][0] if shapes else ()
