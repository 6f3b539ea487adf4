"""How often a window is flagged beside the reference of a small table: all of its rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from benchmarks.quality.alarms import NOTHING, Plant, plants
from model_orchestration.data.split import split
from model_orchestration.search.candidate import bundler, make_fit, with_scores
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract
from tabular.data.input_frame import input_frame
from tabular.data.table import CleanTable, encode
from tabular.quality.drift import Drift, compare

TABLE_ROWS = 150
WINDOWS = (300, 1_000)
PARAMS: Params = {"learning_rate": 0.1, "max_depth": 3}


def small_rates(table: CleanTable, contract: Contract, repeats: int) -> Table:
    """The share of windows in which any feature, and in which the score, is flagged: each time with another table."""
    counts: dict[tuple[str, int], list[tuple[bool, bool]]] = {}
    for seed in range(repeats):
        for name, size, found in _once(table, contract, seed, nothing_only=seed >= max(repeats // 4, 1)):
            counts.setdefault((name, size), []).append(found)
    rows: list[Row] = [
        {
            "planted": name,
            "window": size,
            "windows": len(found),
            "a feature": f"{np.mean([one for one, _ in found]):.1%}",
            "the score": f"{np.mean([other for _, other in found]):.1%}",
        }
        for (name, size), found in counts.items()
    ]
    notes = (
        f"Each repeat draws a table of {TABLE_ROWS} rows anew, fits a model on its training part, takes all of its "
        "rows as the reference, with scores of those that it was not fitted on, and lets the model score the windows, "
        "of rows that are in none of it."
    )
    return Table(f"How often a window is flagged beside a table of {TABLE_ROWS} rows", rows, notes)


def _once(
    table: CleanTable, contract: Contract, seed: int, *, nothing_only: bool
) -> list[tuple[str, int, tuple[bool, bool]]]:
    """What each planted shift and window shows of one table."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(table))
    parts = split(table.take(order[:TABLE_ROWS]), seed)
    prepared = bundler(contract, parts, seed)
    trial = make_fit(contract, parts, seed)(0, PARAMS)
    reference = with_scores(contract, prepared.reference, prepared.reference_scores(trial))
    planted: Mapping[str, Plant] = plants(contract)
    found = []
    for name in [NOTHING] if nothing_only else planted:
        for size in WINDOWS:
            fresh = table.take(order[TABLE_ROWS : TABLE_ROWS + size]).features.reset_index(drop=True)
            moved = planted[name](fresh, draw)
            window = with_scores(contract, input_frame(contract, moved), trial.scorer.many(encode(contract, moved)))
            drift = compare(reference, window, contract)
            if not isinstance(drift, Drift):
                raise SystemExit(str(drift))
            score_drifted = drift.prediction is not None and drift.prediction.drifted
            found.append((name, size, (drift.dataset_drift, score_drifted)))
    return found
