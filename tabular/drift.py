"""Drift: how far a window of predictions has moved from the rows its model was judged on. Evidently does the sums.

A column counts as drifted when the change is both certain (a two-sample p-value, corrected by Holm for the number of
tests, below ALPHA) and large enough to matter (a distance of at least MIN_DISTANCE). Why these tests and limits, with
their measured false-alarm rate and power: docs/explanation/drift.md.

Evidently takes seconds to import, so it is imported by the first `compare`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.bundle import REFERENCE_SCORE
from tabular.contract import Contract, Feature
from tabular.window import UNSEEN_LABEL, closed_labels, comparable, presence

ALPHA = 0.01
MIN_DISTANCE: Mapping[str, float] = {"wasserstein": 0.1, "jensenshannon": 0.05}
MIN_EXPECTED_COUNT = 5.0
CHI_SQUARE = "two_sample_chisquare"

Aspect = Literal["values", "missing"]


class ColumnDrift(msgspec.Struct, frozen=True):
    """One column's comparison, told by its most telling test.

    `aspect` says what that test looked at: the values, or the share of missing ones. `p_value` is corrected for the
    number of tests. `distance` is in standard deviations of the reference (method wasserstein) or between 0 and 0.83
    (jensenshannon). `unseen` counts labels that the contract does not know.
    """

    name: str
    aspect: Aspect
    method: str
    p_value: float
    distance_method: str
    distance: float
    drifted: bool
    missing_share: float
    reference_missing_share: float
    unseen: int = 0

    @property
    def severity(self) -> float:
        """The distance as a multiple of the least one that matters: what columns are ranked by."""
        return self.distance / MIN_DISTANCE[self.distance_method]


class Drift(msgspec.Struct, frozen=True):
    """A window compared with its reference. `prediction` is None where either side has no scores."""

    rows: int
    reference_rows: int
    columns: tuple[ColumnDrift, ...]
    prediction: ColumnDrift | None

    @property
    def drifted_columns(self) -> tuple[str, ...]:
        """The names of the features that drifted, in contract order."""
        return tuple(column.name for column in self.columns if column.drifted)

    @property
    def drifted_share(self) -> float:
        """The share of the features that drifted, 0 to 1."""
        return len(self.drifted_columns) / len(self.columns)

    @property
    def dataset_drift(self) -> bool:
        """True if any feature drifted: the correction already keeps the chance of a false one below ALPHA."""
        return bool(self.drifted_columns)


class TooFewRows(msgspec.Struct, frozen=True):
    """No comparison: so few rows that it would mostly show chance."""

    have: int
    need: int
    of: Literal["window", "reference"] = "window"

    def __str__(self) -> str:
        return f"the {self.of} has {self.have} rows; drift is only told from {self.need} rows on"


@dataclass(frozen=True)
class _Check:
    """One test on one column of the prepared frames."""

    feature: str
    aspect: Aspect
    column: str
    is_numeric: bool

    @property
    def methods(self) -> tuple[str, str]:
        return ("ks", "wasserstein") if self.is_numeric else (CHI_SQUARE, "jensenshannon")


def compare(
    reference: pd.DataFrame, window: pd.DataFrame, contract: Contract, min_rows: int = 300
) -> Drift | TooFewRows:
    """Compare a window with a reference (both as `Bundle.reference()` has them; the scores may be absent)."""
    for of, frame in (("window", window), ("reference", reference)):
        if len(frame) < max(min_rows, 1):
            return TooFewRows(len(frame), max(min_rows, 1), "window" if of == "window" else "reference")
    before, now = comparable(reference, contract), comparable(window, contract)
    checks = _checks(before, now, contract)
    measured = _measure(before, now, checks)
    corrected = holm(np.array([p_value for p_value, _ in measured]))
    by_feature: dict[str, list[ColumnDrift]] = {}
    for check, p_value, (_, distance) in zip(checks, corrected.tolist(), measured, strict=True):
        found = _column(check, p_value, distance, reference, window, contract)
        by_feature.setdefault(check.feature, []).append(found)
    columns = tuple(
        _telling(by_feature.get(feature.name) or [_untestable(feature, reference, window)])
        for feature in contract.features
    )
    prediction = _telling(by_feature[REFERENCE_SCORE]) if REFERENCE_SCORE in by_feature else None
    return Drift(len(window), len(reference), columns, prediction)


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction: adjusted p-values in the order given."""
    order = np.argsort(p_values)
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _checks(before: pd.DataFrame, now: pd.DataFrame, contract: Contract) -> list[_Check]:
    """Every column that both sides have values in, and the presence of every number that is sometimes missing."""
    numbers = [feature.name for feature in contract.features if feature.is_numeric]
    scores = [REFERENCE_SCORE] if REFERENCE_SCORE in before and REFERENCE_SCORE in now else []
    columns = [
        name for name in [*contract.feature_names, *scores] if before[name].notna().any() and now[name].notna().any()
    ]
    values = [_Check(name, "values", name, is_numeric=name in {*numbers, *scores}) for name in columns]
    gaps = [name for name in numbers if before[name].hasnans or now[name].hasnans]
    return values + [_Check(name, "missing", presence(name), is_numeric=False) for name in gaps]


def _column(
    check: _Check, p_value: float, distance: float, reference: pd.DataFrame, window: pd.DataFrame, contract: Contract
) -> ColumnDrift:
    method, distance_method = check.methods
    feature = next((feature for feature in contract.features if feature.name == check.feature), None)
    values = window[check.feature]
    return ColumnDrift(
        name=check.feature,
        aspect=check.aspect,
        method=method,
        p_value=p_value,
        distance_method=distance_method,
        distance=distance,
        drifted=p_value < ALPHA and distance >= MIN_DISTANCE[distance_method],
        missing_share=float(values.isna().mean()),
        reference_missing_share=float(reference[check.feature].isna().mean()),
        unseen=int((closed_labels(feature, values) == UNSEEN_LABEL).sum()) if feature and feature.levels else 0,
    )


def _telling(found: Sequence[ColumnDrift]) -> ColumnDrift:
    return min(found, key=lambda column: (not column.drifted, column.p_value, -column.severity))


def _untestable(feature: Feature, reference: pd.DataFrame, window: pd.DataFrame) -> ColumnDrift:
    """A number that neither side ever has: nothing to test, nothing changed."""
    now, before = (float(frame[feature.name].isna().mean()) for frame in (window, reference))
    return ColumnDrift(
        name=feature.name,
        aspect="missing",
        method="none",
        p_value=1.0,
        distance_method="jensenshannon",
        distance=0.0,
        drifted=False,
        missing_share=now,
        reference_missing_share=before,
    )


def _measure(before: pd.DataFrame, now: pd.DataFrame, checks: Sequence[_Check]) -> list[tuple[float, float]]:
    """Raw p-value and distance of every check, by one Evidently report."""
    from evidently import DataDefinition, Dataset, Report

    metric = _evidently_metric()
    numbers = sorted({check.column for check in checks if check.is_numeric})
    labels = sorted({check.column for check in checks if not check.is_numeric})
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    current, past = (Dataset.from_pandas(frame[numbers + labels], definition) for frame in (now, before))
    metrics = [metric(column=check.column, method=method) for check in checks for method in check.methods]
    found = [float(entry["value"]) for entry in Report(metrics).run(current, past).dict()["metrics"]]
    return list(zip(found[::2], found[1::2], strict=True))


@functools.cache
def _evidently_metric() -> Any:
    """Evidently's drift of one column by a named method, without the plot it draws (four fifths of the time)."""
    from evidently.core.metric_types import ColumnMetric, SingleValue, SingleValueCalculation, SingleValueMetric
    from evidently.legacy.calculations.stattests import get_stattest, register_stattest
    from evidently.legacy.calculations.stattests.registry import StatTest
    from evidently.legacy.core import ColumnType

    register_stattest(StatTest(CHI_SQUARE, "two-sample chi-square p_value", [ColumnType.Categorical]), _chi_square)

    class ColumnShift(ColumnMetric, SingleValueMetric):  # type: ignore[misc]
        method: str

    class ColumnShiftCalculation(SingleValueCalculation[ColumnShift]):  # type: ignore[misc]
        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> SingleValue:  # noqa: ARG002
            current, past = (data.column(self.metric.column) for data in (current_data, reference_data))
            test = get_stattest(past.data, current.data, current.type, self.metric.method)
            return self.result(test(past.data.dropna(), current.data.dropna(), current.type, None).drift_score)

        def display_name(self) -> str:
            return f"{self.metric.method} of {self.metric.column}"

    return ColumnShift


def _chi_square(reference: pd.Series[str], current: pd.Series[str], _kind: Any, threshold: float) -> tuple[float, bool]:
    """Two-sample chi-square: unlike Evidently's own, it allows for the reference being a sample too."""
    from scipy.stats import chi2_contingency

    counts = pd.concat([reference.value_counts(), current.value_counts()], axis=1).fillna(0.0).to_numpy()
    counts = _pooled(counts)
    p_value = float(chi2_contingency(counts, correction=False)[1]) if len(counts) > 1 else 1.0
    return p_value, p_value < threshold


def _pooled(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Merge the rarest levels (rows) until every cell's expected count reaches MIN_EXPECTED_COUNT."""
    counts = counts[np.argsort(counts.sum(axis=1), kind="stable")]
    expected = counts.sum(axis=1) * counts.sum(axis=0).min() / counts.sum()
    if expected[0] >= MIN_EXPECTED_COUNT:
        return counts
    merged = int(np.searchsorted(np.cumsum(expected), MIN_EXPECTED_COUNT)) + 1
    return np.vstack([counts[:merged].sum(axis=0), counts[merged:]])
