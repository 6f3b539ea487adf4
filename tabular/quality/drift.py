"""Drift: how far rows have moved from a reference, of predictions or of a new version of the training table.

A column counts as drifted when the change is both certain (a two-sample p-value, corrected by Holm for the number of
tests) and large enough to matter (a distance of at least MIN_DISTANCE). The tests are in two_sample.py; why
these tests and limits, with their measured false-alarm rate and power: docs/explanation/drift.md.

Evidently runs them as one report. It takes seconds to import, so it is imported by the first `compare`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype

from tabular.contract.derived import ModelInput
from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.window import (
    UNKNOWN_CATEGORY,
    closed_categories,
    comparable,
    compared_inputs,
    finite,
    presence,
)
from tabular.quality.row_counts import TooFewRows, too_few_rows
from tabular.quality.two_sample import (
    CHI_SQUARE,
    JENSEN_SHANNON,
    KS,
    KS_DISTANCE,
    MIN_DISTANCE,
    Difference,
    holm,
    is_drift,
    of_categories,
    of_numbers,
)

Aspect = Literal["values", "missing"]


class ColumnDrift(msgspec.Struct, frozen=True):
    """One column's comparison, by its most significant test.

    `aspect` says what that test compared: the values, or the share of missing ones. `p_value` is corrected for the
    number of tests. `distance` is between 0 and 1 (method ks_distance, of numbers) or between 0 and 0.83
    (jensenshannon, of categories). `unknown` counts the values whose category the contract does not know.
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
    unknown: int = 0

    @property
    def severity(self) -> float:
        """The distance as a multiple of the least one that matters: what columns are ranked by."""
        return self.distance / MIN_DISTANCE[self.distance_method]


class Drift(msgspec.Struct, frozen=True):
    """A window compared with its reference; `prediction` and `target` are None where a side has none of them.

    `predicted_class` compares the mix of the classes that a multiclass model predicts; None of another model.
    """

    rows: int
    reference_rows: int
    columns: tuple[ColumnDrift, ...]
    prediction: ColumnDrift | None
    target: ColumnDrift | None = None
    predicted_class: ColumnDrift | None = None

    @property
    def drifted_scores(self) -> tuple[str, ...]:
        """In words, what of the model's output drifted: the scores, the mix of predicted classes, both or none."""
        found = (("the scores", self.prediction), ("the mix of predicted classes", self.predicted_class))
        return tuple(name for name, one in found if one is not None and one.drifted)

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
        """True if any feature drifted: the correction already keeps the probability of a false positive below ALPHA."""
        return bool(self.drifted_columns)


@dataclass(frozen=True)
class _Check:
    """One test on one column of the prepared frames."""

    feature: str
    aspect: Aspect
    column: str
    is_numeric: bool

    @property
    def methods(self) -> tuple[str, str]:
        return (KS, KS_DISTANCE) if self.is_numeric else (CHI_SQUARE, JENSEN_SHANNON)


def compare(
    reference: pd.DataFrame, window: pd.DataFrame, contract: Contract, min_rows: int = 300
) -> Drift | TooFewRows:
    """Compare a window with a reference, both as `Bundle.reference()` has them; scores and target may be absent.

    A window needs `min_rows`, and a reference as many or `row_counts.MIN_REFERENCE_ROWS`, whichever is less.
    """
    if (few := too_few_rows(len(reference), len(window), min_rows)) is not None:
        return few
    before, now = comparable(reference, contract), comparable(window, contract)
    checks = _checks(before, now, contract)
    measured = _measure(before, now, checks)
    corrected = holm(np.array([one.p_value for one in measured]))
    by_feature: dict[str, list[ColumnDrift]] = {}
    for check, p_value, raw in zip(checks, corrected.tolist(), measured, strict=True):
        found = _column(check, Difference(p_value, raw.distance), reference, window, contract)
        by_feature.setdefault(check.feature, []).append(found)
    columns = tuple(
        _strongest(by_feature.get(feature.name) or [_untestable(feature, reference, window)])
        for feature in compared_inputs(contract)
    )
    beside = (
        _strongest(by_feature[name]) if name in by_feature else None
        for name in (REFERENCE_SCORE, REFERENCE_TARGET, REFERENCE_CLASS)
    )
    return Drift(len(window), len(reference), columns, *beside)


def _checks(before: pd.DataFrame, now: pd.DataFrame, contract: Contract) -> list[_Check]:
    """Every column that both sides have values in, and the presence of every number that is sometimes missing."""
    inputs = compared_inputs(contract)
    numbers = [column.name for column in inputs if column.is_numeric]
    names = [column.name for column in inputs]
    beside = (REFERENCE_SCORE, REFERENCE_TARGET, REFERENCE_CLASS)
    names += [name for name in beside if name in before and name in now]
    columns = [name for name in names if before[name].notna().any() and now[name].notna().any()]
    values = [_Check(name, "values", name, is_numeric=is_float_dtype(before[name])) for name in columns]
    gaps = [name for name in numbers if before[name].hasnans or now[name].hasnans]
    return values + [_Check(name, "missing", presence(name), is_numeric=False) for name in gaps]


def _column(
    check: _Check, difference: Difference, reference: pd.DataFrame, window: pd.DataFrame, contract: Contract
) -> ColumnDrift:
    method, distance_method = check.methods
    now, before = window[check.feature], reference[check.feature]
    feature = contract.columns.get(check.feature)
    category = feature if feature is not None and not feature.is_numeric else None
    return ColumnDrift(
        name=check.feature,
        aspect=check.aspect,
        method=method,
        p_value=difference.p_value,
        distance_method=distance_method,
        distance=difference.distance,
        drifted=is_drift(*difference, distance_method, contract.checks.alpha),
        missing_share=_missing_share(now, is_numeric=category is None),
        reference_missing_share=_missing_share(before, is_numeric=category is None),
        unknown=int((closed_categories(category, now) == UNKNOWN_CATEGORY).sum()) if category else 0,
    )


def _missing_share(values: pd.Series[Any], *, is_numeric: bool) -> float:
    return float((finite(values) if is_numeric else values).isna().mean())


def _strongest(found: Sequence[ColumnDrift]) -> ColumnDrift:
    return min(found, key=lambda column: (not column.drifted, column.p_value, -column.severity))


def _untestable(feature: ModelInput, reference: pd.DataFrame, window: pd.DataFrame) -> ColumnDrift:
    """A number that neither side ever has: nothing to test, nothing changed."""
    now, before = (_missing_share(frame[feature.name], is_numeric=feature.is_numeric) for frame in (window, reference))
    return ColumnDrift(
        name=feature.name,
        aspect="missing",
        method="none",
        p_value=1.0,
        distance_method=JENSEN_SHANNON,
        distance=0.0,
        drifted=False,
        missing_share=now,
        reference_missing_share=before,
    )


def _measure(before: pd.DataFrame, now: pd.DataFrame, checks: Sequence[_Check]) -> list[Difference]:
    """What every check found, by one Evidently report; the p-values are not corrected yet."""
    from evidently import DataDefinition, Dataset, Report

    metric = _evidently_metric()
    numbers = sorted({check.column for check in checks if check.is_numeric})
    categories = sorted({check.column for check in checks if not check.is_numeric})
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    current, past = (Dataset.from_pandas(frame[numbers + categories], definition) for frame in (now, before))
    report = Report([metric(column=check.column, is_numeric=check.is_numeric) for check in checks])
    return [Difference(**entry["value"]) for entry in report.run(current, past).dict()["metrics"]]


@functools.cache
def _evidently_metric() -> Any:
    """Test and distance of one column, as a metric of Evidently's; its own draw a plot each, four fifths of the time.

    Its own Wasserstein distance divides by a standard deviation of at least 0.001, which small numbers never reach and
    a single extreme inflates; its chi-square takes the reference for the exact truth.
    """
    from evidently.core.metric_types import ByLabelCalculation, ByLabelMetric, ByLabelValue, ColumnMetric

    class ColumnDifference(ColumnMetric, ByLabelMetric):  # type: ignore[misc]
        is_numeric: bool

    class ColumnDifferenceCalculation(ByLabelCalculation[ColumnDifference]):  # type: ignore[misc]
        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> ByLabelValue:  # noqa: ARG002
            current, past = (data.column(self.metric.column).data for data in (current_data, reference_data))
            measure = of_numbers if self.metric.is_numeric else of_categories
            return self.result(measure(past.dropna(), current.dropna())._asdict())

        def display_name(self) -> str:
            return f"difference of {self.metric.column}"

    return ColumnDifference
