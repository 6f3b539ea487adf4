"""A drift report as data: what the window of predictions says against the reference of the model that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from reporting.charts import Bin, Histogram, Moment
from reporting.over_time.lines import OverTime, over_time
from reporting.publish import NEWEST, WINDOW
from reporting.quality import Quality, estimated, measure
from reporting.shapes import (
    category_bins,
    change_of_categories,
    change_of_numbers,
    class_bins,
    number_histogram,
    volume,
)
from tabular.contract.derived import ModelInput
from tabular.model.bundle import REFERENCE_SCORE, Bundle
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample, of_contract
from tabular.predictions.window import compared_inputs, window_frame
from tabular.quality.drift import ColumnDrift, Drift, compare
from tabular.quality.estimate import Estimate, NoEstimate
from tabular.quality.row_counts import TooFewRows


@dataclass(frozen=True)
class Period:
    """The period of a report, UTC, and when it was made; `name` says what was asked for, if not the last hours."""

    since: datetime
    until: datetime
    made_at: datetime
    name: str = ""


@dataclass(frozen=True)
class ColumnView:
    """One feature: how it drifted, the change in words, and its distributions (a histogram, or a bin a label)."""

    drift: ColumnDrift
    description: str
    change: str
    plot: Histogram | Sequence[Bin]


@dataclass(frozen=True)
class Report:
    """Everything the page shows. `columns` are ranked, the most drifted first; `quality` is None without labels.

    `quality` is measured on the newest labelled predictions of the run, whenever they were made, and `over_time` shows
    it; `estimates` are of the quality of this report's predictions, from scores alone, by metric; `no_estimate` says
    why there are none.

    `other_runs` counts predictions of the period that another run made: they have another reference and are left out.
    `classes` are the predicted classes of a multiclass model with their shares. `out_of_range` counts, by feature, the
    values outside the range of training. Where the period holds more than a report reads, `sample` is a uniform sample
    of it, and all counts are scaled up from that.
    """

    period: Period
    bundle: Bundle
    run_id: str
    sample: Sample
    drift: Drift
    columns: Sequence[ColumnView]
    scores: Histogram
    score_change: str
    volume: Sequence[Moment]
    by_source: Mapping[str, int]
    out_of_range: Mapping[str, int]
    other_runs: int
    quality: Quality | None
    classes: Sequence[Bin] = ()
    over_time: OverTime | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    no_estimate: str = ""

    @property
    def has_drift(self) -> bool:
        """True if features, scores or the mix of predicted classes drifted."""
        return self.drift.dataset_drift or bool(self.drift.drifted_scores)

    @property
    def class_change(self) -> str:
        """The class whose share of the predictions moved most."""
        return change_of_categories(self.classes)

    @property
    def row_count(self) -> str:
        """How many predictions the report is about; an estimate if it is of a sample."""
        return f"{'' if self.sample.is_whole else 'about '}{self.sample.rows:,}"

    @property
    def finding(self) -> str:
        """The finding in one plain sentence."""
        drift, names = self.drift, self.drift.drifted_columns
        drifted = " and ".join(drift.drifted_scores)
        if names:
            listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            many = f"{len(names)} of {len(drift.columns)} features moved"
            return f"Drift: {many} ({listed}), and {f'{drifted} moved with them' if drifted else 'the scores held'}."
        if drifted:
            return f"{drifted.capitalize()} drifted, though none of the {len(drift.columns)} features did by itself."
        return f"No drift: none of the {len(drift.columns)} features moved, nor did the scores."


def build_report(
    bundle: Bundle,
    sample: Sample,
    period: Period,
    *,
    min_rows: int,
    other_runs: int = 0,
    labelled: Sequence[Prediction] = (),
) -> Report | TooFewRows:
    """Compare one run's predictions (newest first) with its bundle's reference; TooFewRows if they are few.

    `labelled` are the newest of the run whose label is known, whenever they were made: labels come late.
    What was made under another contract than the bundle's is left out, and counted in the report's sample.
    """
    sample = of_contract(sample, bundle.contract.digest)
    window = sample.predictions
    contract, reference = bundle.contract, bundle.reference()
    current = window_frame(window, contract)
    drift = compare(reference, current, contract, min_rows)
    if isinstance(drift, TooFewRows):
        return drift
    views = [
        _view(feature, found, reference[feature.name], current[feature.name])
        for feature, found in zip(compared_inputs(contract), drift.columns, strict=True)
    ]
    known = [one for one in labelled if one.contract == contract.digest]
    estimates = estimated(bundle, window)
    by_source = sample.counted(prediction.source for prediction in window)
    scores = [frame[REFERENCE_SCORE] for frame in (reference, current)]
    return Report(
        period=period,
        bundle=bundle,
        run_id=window[0].run_id,
        sample=sample,
        drift=drift,
        columns=sorted(views, key=lambda view: (not view.drift.drifted, -view.drift.severity)),
        scores=number_histogram(*scores, whole=False),
        score_change=change_of_numbers(*scores),
        volume=volume(sample, sorted(by_source)),
        by_source=dict(sorted(by_source.items())),
        out_of_range=sample.counted(name for prediction in window for name in prediction.out_of_range),
        other_runs=other_runs,
        quality=measure(known, reference, contract),
        classes=class_bins(contract, reference, current),
        over_time=over_time(known, contract),
        estimates={} if isinstance(estimates, NoEstimate) else estimates,
        no_estimate=estimates.why if isinstance(estimates, NoEstimate) else "",
    )


def summary(report: Report, name: str) -> dict[str, Any]:
    """The report's row in the store; `name` is its id and, with .html, its file."""
    quality = report.quality
    return {
        "_id": name,
        "kind": WINDOW if report.period.name else NEWEST,
        "made_at": report.period.made_at,
        "since": report.period.since,
        "until": report.period.until,
        "file": f"{name}.html",
        "table": report.bundle.contract.table.name,
        "title": report.bundle.contract.table.title,
        "run_id": report.run_id,
        "synthetic": report.bundle.synthetic,
        "rows": report.sample.rows,
        "read_rows": report.drift.rows,
        "sampling_error": report.sample.error,
        "reference_rows": report.drift.reference_rows,
        "finding": report.finding,
        "has_drift": report.has_drift,
        "dataset_drift": report.drift.dataset_drift,
        "prediction_drift": report.drift.prediction is not None and report.drift.prediction.drifted,
        "predicted_class_drift": report.drift.predicted_class is not None and report.drift.predicted_class.drifted,
        "drifted_columns": list(report.drift.drifted_columns),
        "by_source": dict(report.by_source),
        "labels": quality.labels if quality else 0,
        "quality": dict(quality.measures) if quality else None,
    }


def _view(feature: ModelInput, drift: ColumnDrift, reference: pd.Series[Any], current: pd.Series[Any]) -> ColumnView:
    if feature.is_numeric:
        plot = number_histogram(reference, current, whole=feature.kind == "integer")
        return ColumnView(drift, feature.description, change_of_numbers(reference, current), plot)
    bins = category_bins(feature, reference, current)
    return ColumnView(drift, feature.description, change_of_categories(bins), bins)
