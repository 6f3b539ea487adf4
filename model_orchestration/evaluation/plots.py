"""The pictures of a model, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn import metrics as sk

from model_orchestration.evaluation.reliability import BothScores
from tabular.contract.types import Contract
from tabular.quality.calibration.error import BINS
from tabular.quality.slices import Slice, slice_metric

Floats = NDArray[np.floating[Any]]

INK, BLUE, ORANGE, GREY = "#24292f", "#1f6feb", "#d9730d", "#8c959f"
STYLE: dict[str, Any] = {"color": INK, "fontsize": 10}
MAX_POINTS = 5_000
MAX_FEATURES = 25
MAX_SHOWN = 40  # slices


def model_plots(
    contract: Contract, target: Floats, scores: Floats, threshold: float, both: BothScores | None = None
) -> dict[str, bytes]:
    """The pictures of the test rows, by file name: curves and a confusion matrix, or a fit for a regression.

    With `both` that of the calibration has the model's own probabilities and the calibrated ones.
    """
    if contract.table.task == "regression":
        return {"fit.png": _fit(target, scores)}
    curves = list(_curves(contract, target, scores))
    predicted = scores.argmax(axis=1) if scores.ndim == 2 else (scores >= threshold).astype(int)
    return {
        "roc.png": _roc(curves),
        "precision_recall.png": _precision_recall(curves),
        "calibration.png": _calibration(_before_and_after(contract, target, both) if both else curves),
        "confusion_matrix.png": _confusion(contract, target.astype(int), predicted, threshold),
    }


def importance(contract: Contract, contributions: Floats) -> bytes:
    """The mean absolute contribution of each feature to the margin (rows x outputs x features), largest first."""
    means = np.abs(contributions).mean(axis=0).sum(axis=0)
    shown = np.argsort(means)[::-1][:MAX_FEATURES][::-1]
    figure, axes = _axes(
        f"What the score rests on ({len(contributions):,} test rows)", "Mean absolute contribution to the margin", ""
    )
    axes.barh([contract.input_names[at] for at in shown], means[shown], color=BLUE)
    return _png(figure)


def by_slice(contract: Contract, slices: Sequence[Slice]) -> bytes:
    """The metric that slices are known by with its 95 % interval, of the largest slices that are measured."""
    metric = slice_metric(contract.table.task)
    measured = sorted((one for one in slices if metric in (one.metrics or {})), key=lambda one: -one.n)[:MAX_SHOWN]
    shown = [one for one in reversed(slices) if one in measured]
    figure, axes = _axes("By slice of the rows held out", f"{metric}, with its 95 % interval", "", rows=len(shown))
    for at, one in enumerate(shown):
        low, high = one.intervals[metric]
        axes.plot([low, high], [at, at], color=GREY, lw=2)
        axes.scatter([(one.metrics or {})[metric]], [at], color=BLUE, zorder=3)
    axes.set_yticks(range(len(shown)), [f"{one.feature} = {one.value[:30]} ({one.n:,})" for one in shown])
    return _png(figure)


def search_history(losses: Sequence[float], metric: str) -> bytes:
    """The validation loss of every trial, and the best so far."""
    figure, axes = _axes("Search history", "Trial", f"Validation {metric}")
    numbers = np.arange(len(losses))
    axes.scatter(numbers, losses, s=22, color=GREY, label="trial", zorder=2)
    axes.step(numbers, np.minimum.accumulate(losses), where="post", color=BLUE, lw=2, label="best so far", zorder=3)
    best = int(np.argmin(losses))
    axes.scatter([best], [losses[best]], s=70, color=ORANGE, zorder=4, label=f"best: trial {best}, {losses[best]:.4f}")
    # One wild trial must not flatten the picture of the others.
    low, high = min(losses), float(np.quantile(losses, 0.9))
    axes.set_ylim(low - 0.05 * (high - low or 1), high + 0.25 * (high - low or 1))
    axes.legend(frameon=False)
    return _png(figure)


Curve = tuple[str, NDArray[np.bool_], Floats]


def _curves(contract: Contract, target: Floats, scores: Floats) -> Iterator[Curve]:
    if scores.ndim == 1:
        yield str(contract.target.positive), target == 1, scores
        return
    for code, name in enumerate(contract.target.classes):
        if 0 < (target == code).sum() < len(target):
            yield name, target == code, scores[:, code]


def _roc(curves: Sequence[Curve]) -> bytes:
    figure, axes = _axes("ROC", "False positive rate", "True positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    for name, truth, scores in curves:
        rates = sk.roc_curve(truth, scores)
        axes.plot(rates[0], rates[1], lw=2, label=f"{name}: AUC {sk.roc_auc_score(truth, scores):.3f}")
    axes.legend(frameon=False, loc="lower right")
    return _png(figure)


def _precision_recall(curves: Sequence[Curve]) -> bytes:
    figure, axes = _axes("Precision and recall", "Recall", "Precision")
    for name, truth, scores in curves:
        precision, recall, _ = sk.precision_recall_curve(truth, scores)
        line = axes.plot(recall, precision, lw=2, label=f"{name}: {sk.average_precision_score(truth, scores):.3f}")
        axes.axhline(truth.mean(), color=line[0].get_color(), lw=1, ls="--", alpha=0.6)
    axes.set_ylim(0, 1.03)
    axes.legend(frameon=False, loc="upper right", title="average precision; dashes: share of the class")
    return _png(figure)


def _before_and_after(contract: Contract, target: Floats, both: BothScores) -> list[Curve]:
    named = {"own scores": both.own, "calibrated": both.calibrated}
    return [
        (f"{name}, {what}", truth, probabilities)
        for what, scores in named.items()
        for name, truth, probabilities in _curves(contract, target, scores)
    ]


def _calibration(curves: Sequence[Curve]) -> bytes:
    figure, axes = _axes("Calibration", "Predicted probability (mean of a tenth of the rows)", "Observed share")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--", label="perfect")
    for name, truth, scores in curves:
        parts = np.array_split(np.argsort(scores, kind="stable"), BINS)
        points = [(scores[rows].mean(), truth[rows].mean(), len(rows)) for rows in parts if len(rows)]
        predicted, happened, rows = (np.array(column) for column in zip(*points, strict=True))
        error = 1.96 * np.sqrt(np.maximum(happened * (1 - happened), 1e-9) / rows)
        axes.errorbar(predicted, happened, yerr=error, marker="o", lw=2, capsize=3, label=name)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def _confusion(contract: Contract, truth: NDArray[np.int64], predicted: NDArray[np.int64], threshold: float) -> bytes:
    is_binary = contract.table.task == "binary"
    negative = [name for name in contract.target.classes if name != contract.target.positive]
    names = [*negative, str(contract.target.positive)] if is_binary else list(contract.target.classes)
    counts = sk.confusion_matrix(truth, predicted, labels=range(len(names)))
    title = f"Confusion matrix at threshold {threshold:.3f}" if is_binary else "Confusion matrix"
    figure, axes = _axes(title, "Predicted", "True")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else INK
        text = f"{count:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=12)
    return _png(figure)


def _fit(target: Floats, scores: Floats) -> bytes:
    figure, axes = _axes("Prediction and truth", "True value", "Predicted value")
    step = max(1, len(target) // MAX_POINTS)
    axes.scatter(target[::step], scores[::step], s=8, alpha=0.3, color=BLUE)
    ends = [min(target.min(), scores.min()), max(target.max(), scores.max())]
    axes.plot(ends, ends, color=GREY, lw=1, ls="--")
    return _png(figure)


def _axes(title: str, across: str, up: str, rows: int = 0) -> tuple[Figure, Any]:
    # A Figure of our own, not pyplot's: no global state, safe in any thread.
    figure = Figure(figsize=(6.4, max(4.8, 0.3 * rows)), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_xlabel(across, **STYLE)
    axes.set_ylabel(up, **STYLE)
    axes.grid(color="#d0d7de", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
