"""Quality before labels come: how far the estimate of ROC-AUC is off when the inputs shift, and where it is blind.

    python -m benchmarks.estimate [--tables telecom_churn credit_card_churn_full census_income] [--data data]
                                  [--draws 20] [--rows 8000]

Each draw splits a table anew (50/20/30 %), fits XGBoost, and makes a bundle as training does. Of the rows that are left
a window of 40 % is drawn, without replacement, with weights that are exponential in one of the five inputs that
contribute most, in either direction: the strength is the exponent for each standard deviation of its ranks. The labels
of the window are then known to the benchmark alone. A table is the contract's file in `--data`; if it is not there,
synthetic rows stand in. Concept drift: the inputs are as in the first line, and a share of the labels is another one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.estimate.draws import Drawn, Window, drawn, table_of
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Row, at_most, goals
from benchmarks.harness.results import Table, save
from embedded.layout import PROJECT
from tabular.contract.loading import load_contract

TABLES = ("telecom_churn", "credit_card_churn_full", "census_income")
STRENGTHS, FLIPPED = (0.0, 0.5, 1.0, 2.0), (0.1, 0.3)
MOST_ERROR, MOST_SECONDS, MANY_ROWS = 0.03, 1.0, 100_000
METRICS = ("roc_auc", "log_loss", "brier", "accuracy")
TITLES = dict(zip(METRICS, ("ROC-AUC", "log loss", "Brier score", "accuracy"), strict=True))


def main() -> None:
    """Draw, estimate, compare with the labels, leave the result."""
    given = arguments({"tables": TABLES}, tables=TABLES, data=Path("data"), draws=20, rows=8_000)
    found = {name: _windows(name, given) for name in given.tables}
    shifted = [_line(name, strength, 0.0, found[name][0]) for name in given.tables for strength in STRENGTHS]
    flipped = [_line(name, 0.0, share, found[name][0]) for name in given.tables for share in FLIPPED]
    errors = [(name, _mean_error([one for one in found[name][0] if not one.flipped])) for name in given.tables]
    seconds = [figures["estimate s"] for _, figures in found.values()]
    tables = [
        Table("Estimated ROC-AUC under covariate shift", shifted, NOTES),
        Table("The same under concept drift, to which it is blind", flipped, BLIND),
        Table("Other metrics under covariate shift", [_others(name, found[name][0]) for name in given.tables]),
    ]
    met = [at_most(f"{name}: mean absolute error of ROC-AUC", error, MOST_ERROR) for name, error in errors]
    met.append(at_most(f"seconds for {MANY_ROWS:,} scores", max(seconds), MOST_SECONDS))
    save("estimate", *tables, *goals(*met))


NOTES = (
    "`error` is the mean absolute difference of estimate and measured figure over the draws, `if unchanged` what "
    "it is if the figure of all rows left, of which the window is a part, is expected to stay, `uncalibrated` "
    "what it is from the scores as they are, without the rows held out, `by chance` what the draw of the outcomes "
    "alone makes. `coverage` is the share of draws in which the measured figure lies in the 95 % interval, "
    "`half-width` the mean of half its width."
)
BLIND = "The estimate sees the scores alone: it stays where it was, and its interval misses what is measured."


def _windows(name: str, given: Any) -> tuple[list[Window], dict[str, float]]:
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    file = given.data / (contract.table.source_file or "none")
    where = file if file.is_file() else f"{given.rows:,} synthetic rows"
    table = table_of(contract, file if file.is_file() else None, given.rows)
    windows: list[Window] = []
    for seed in range(given.draws):
        one = drawn(contract, table, seed)
        windows += [one.window(strength) for strength in STRENGTHS]
        windows += [one.window(0.0, share) for share in FLIPPED]
    print(f"{name} ({where}): calibrated by {', '.join(sorted({window.method for window in windows}))}", flush=True)
    return windows, _timed(one)


def _timed(one: Drawn) -> dict[str, float]:
    """CPU seconds of an estimate of many scores, with the estimator made before."""
    scores = np.random.default_rng(0).choice(one.scores, MANY_ROWS)
    began = time.process_time()
    one.estimator.estimate(scores)
    return {"estimate s": time.process_time() - began}


def _line(name: str, strength: float, flipped: float, windows: Sequence[Window]) -> Row:
    chosen = [one for one in windows if (one.strength, one.flipped) == (strength, flipped)]
    estimates = [one.estimates["roc_auc"] for one in chosen]
    return {
        "table": name,
        **({"labels flipped": flipped} if flipped else {"strength": strength}),
        "rows": round(statistics.mean(one.rows for one in chosen)),
        "measured": statistics.mean(one.measured["roc_auc"] for one in chosen),
        "estimated": statistics.mean(one.value for one in estimates),
        "error": _mean_error(chosen),
        "if unchanged": statistics.mean(abs(one.before["roc_auc"] - one.measured["roc_auc"]) for one in chosen),
        "uncalibrated": statistics.mean(abs(one.uncalibrated["roc_auc"] - one.measured["roc_auc"]) for one in chosen),
        "by chance": statistics.mean(one.chance["roc_auc"] for one in chosen),
        "coverage": _coverage(chosen, "roc_auc"),
        "half-width": statistics.mean((one.interval.high - one.interval.low) / 2 for one in estimates),
    }


def _others(name: str, windows: Sequence[Window]) -> Row:
    shifted = [one for one in windows if not one.flipped]
    row: Row = {"table": name}
    for metric in METRICS[1:]:
        row[f"{TITLES[metric]}: error"] = _mean_error(shifted, metric)
        row[f"{TITLES[metric]}: if unchanged"] = statistics.mean(
            abs(one.before[metric] - one.measured[metric]) for one in shifted
        )
        row[f"{TITLES[metric]}: coverage"] = _coverage(shifted, metric)
    return row


def _mean_error(windows: Sequence[Window], metric: str = "roc_auc") -> float:
    return statistics.mean(abs(one.estimates[metric].value - one.measured[metric]) for one in windows)


def _coverage(windows: Sequence[Window], metric: str) -> float:
    inside = [
        one.estimates[metric].interval.low <= one.measured[metric] <= one.estimates[metric].interval.high
        for one in windows
    ]
    return statistics.mean(inside)


if __name__ == "__main__":
    main()
