"""Regularised linear models: scikit-learn fits them, and what is kept are their coefficients.

Numbers are standardised by the training rows; a missing one counts as the mean, and being missing is one more column.
Each category of the training rows is a column, being missing one more; what it adds is told as the difference from the
average row.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from model_orchestration.search.families.finished import finished
from model_orchestration.search.trial import Params, SearchData, Trial
from tabular.contract.types import Task
from tabular.model.linear import CategoryInput, Doubles, LinearModel, LinearScorer, Link, NumberInput
from tabular.quality.metrics import row_losses

MAX_ITERATIONS = 500
TASKS: dict[str, tuple[Task, Link]] = {
    "binary:logistic": ("binary", "logistic"),
    "multi:softprob": ("multiclass", "softmax"),
    "reg:squarederror": ("regression", "identity"),
}


class Column(NamedTuple):
    """How an input becomes columns of the design matrix; a category's `codes` are those seen, NaN (missing) the last.

    `means` are the columns' means on the training rows.
    """

    mean: float
    scale: float
    codes: tuple[float, ...] | None
    has_missing: bool
    means: tuple[float, ...]

    @property
    def width(self) -> int:
        """How many columns of the design matrix it takes."""
        return len(self.means)


class LinearFit:
    """Fits one proposal of the family `linear`; the design matrix is the same for all, and sparse.

    Sparse products run in one thread and in one order, so that a trial is bit-identical wherever it runs.
    """

    def __init__(self, data: SearchData, objective: Mapping[str, Any]) -> None:
        self._data = data
        self._task, self._link = TASKS[objective["objective"]]
        self._classes = int(objective.get("num_class", 2))

    def __call__(self, number: int, params: Params) -> Trial:
        """Fit by the strength of the penalty, and score on validation."""
        started = time.perf_counter()
        scorer = LinearScorer(self._fitted(float(params["l2_penalty"])))
        scores = scorer.many(self._data.validation)
        mean = float(row_losses(self._task, self._data.validation_target, scores).mean())
        loss = float(np.sqrt(mean)) if self._task == "regression" else mean
        return finished(self._data, number, params, scorer, loss, 0, started)

    @cached_property
    def _design(self) -> tuple[list[Column], sparse.csr_array]:
        rows = self._data.train
        is_number = self._data.is_number or (True,) * rows.shape[1]
        found = [_column(rows[:, at].astype(np.float64), is_number=one) for at, one in enumerate(is_number)]
        return [column for column, _ in found], sparse.csr_array(sparse.hstack([block for _, block in found]))

    def _fitted(self, penalty: float) -> LinearModel:
        columns, design = self._design
        target = self._data.train_target
        if self._task == "regression":
            ridge = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-8).fit(design, target)
            coefficients, intercepts = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
        else:
            coefficients, intercepts = self._logistic(design, target, penalty)
        return _model(self._link, columns, coefficients, intercepts)

    def _logistic(
        self, design: sparse.csr_array, target: NDArray[np.floating[Any]], penalty: float
    ) -> tuple[Doubles, Doubles]:
        """The coefficients, outputs x columns, and the intercepts."""
        model = LogisticRegression(C=1 / penalty, max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings():
            # An almost unpenalised fit need not converge; validation judges it like any other.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(design, target)
        if self._task == "binary":
            return model.coef_, model.intercept_
        return self._of_all_classes(model, len(target))

    def _of_all_classes(self, model: LogisticRegression, rows: int) -> tuple[Doubles, Doubles]:
        """The coefficients of every class; one without a training row gets the probability of less than one row."""
        own, intercept = model.coef_, model.intercept_
        if len(own) == 1:  # of two classes scikit-learn has the second's margin over the first's
            own, intercept = np.vstack([np.zeros_like(own), own]), np.array([0.0, *intercept])
        seen = model.classes_.astype(np.int64)
        coefficients = np.zeros((self._classes, own.shape[1]))
        intercepts = np.full(self._classes, intercept.min() - np.log(1 + rows))
        coefficients[seen], intercepts[seen] = own, intercept
        return coefficients, intercepts


def _column(values: Doubles, *, is_number: bool) -> tuple[Column, sparse.csr_array]:
    missing = np.isnan(values)
    if not is_number:
        codes = tuple(np.unique(values[~missing]).tolist()) + ((np.nan,) if missing.any() else ())
        at = np.where(missing, len(codes) - 1, np.searchsorted(codes[: len(codes) - missing.any()], values))
        block = sparse.csr_array((np.ones(len(values)), (np.arange(len(values)), at)), shape=(len(values), len(codes)))
        return Column(0.0, 1.0, codes, bool(missing.any()), tuple(block.mean(axis=0).tolist())), block
    known = values[~missing]
    mean, deviation = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
    scale = deviation if deviation > 0 else 1.0
    standardised = np.where(missing, 0.0, (values - mean) / scale)
    parts = [standardised, missing.astype(np.float64)] if missing.any() else [standardised]
    block = sparse.csr_array(np.column_stack(parts))
    return Column(mean, scale, None, bool(missing.any()), tuple(float(part.mean()) for part in parts)), block


def _model(link: Link, columns: list[Column], coefficients: Doubles, intercepts: Doubles) -> LinearModel:
    inputs: list[NumberInput | CategoryInput] = []
    intercepts, first = np.array(intercepts, dtype=np.float64), 0
    for column in columns:
        own = coefficients[:, first : first + column.width].T  # columns x outputs
        first += column.width
        if column.codes is None:
            missing = own[1] if column.has_missing else np.zeros(len(intercepts))
            inputs.append(NumberInput(column.mean, column.scale, _floats(own[0]), _floats(missing)))
            continue
        average = np.array(column.means) @ own
        intercepts += average
        inputs.append(_category(column.codes, own - average))
    return LinearModel(link, _floats(intercepts), tuple(inputs))


def _category(codes: tuple[float, ...], added: Doubles) -> CategoryInput:
    by_code = {int(code): _floats(row) for code, row in zip(codes, added, strict=True) if not np.isnan(code)}
    missing = added[-1] if codes and np.isnan(codes[-1]) else np.zeros(added.shape[1])
    return CategoryInput(tuple(by_code.get(code) for code in range(max(by_code, default=-1) + 1)), _floats(missing))


def _floats(values: Doubles) -> tuple[float, ...]:
    return tuple(values.tolist())
