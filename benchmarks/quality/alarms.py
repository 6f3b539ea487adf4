"""How often a window is flagged: when nothing drifted, when something is planted, check after check, and sampled."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from benchmarks.quality.detectors import REFERENCE_ROWS, Detector, ours, preset
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.predictions.sampling import level_of

WINDOWS = (300, 1_000, 5_000)
BIG_WINDOW, SAMPLE_LEVEL = 100_000, 4
CHECK_WINDOW, CHECK_STEP = 1_000, 50
NOTHING = "nothing"
Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def plants(contract: Contract) -> dict[str, Plant]:
    """Shifts to find: the first number grows or goes missing, categories change hands."""
    number = next(feature.name for feature in contract.features if feature.kind == "number")
    label = max(contract.features, key=lambda feature: len(feature.categories)).name

    def times(factor: float) -> Plant:
        return lambda frame, _: frame.assign(**{number: frame[number] * factor})

    def relabel(share: float) -> Plant:
        def plant(frame: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
            common = frame[label].mode().iloc[0]
            return frame.assign(**{label: frame[label].mask(draw.random(len(frame)) < share, common)})

        return plant

    def lose(share: float) -> Plant:
        return lambda frame, draw: frame.assign(**{number: frame[number].mask(draw.random(len(frame)) < share)})

    return {
        NOTHING: lambda frame, _: frame,
        f"{number} +10 %": times(1.1),
        f"{number} +20 %": times(1.2),
        f"{number} +50 %": times(1.5),
        f"{label}: 10 % become the commonest": relabel(0.1),
        f"{label}: 20 % become the commonest": relabel(0.2),
        f"{number}: 5 % go missing": lose(0.05),
    }


def rates(table: pd.DataFrame, contract: Contract, repeats: int, peer_repeats: int) -> Table:
    """The share of windows in which any feature is flagged, by what was planted and the window's rows."""
    rows: list[Row] = []
    for name, plant in plants(contract).items():
        for size in WINDOWS:
            times = repeats if name == NOTHING else max(repeats // 4, 1)
            mine = _flagged(ours, table, contract, size, plant, times)
            peer = _flagged(preset, table, contract, size, plant, peer_repeats) if name == NOTHING else ""
            rows.append({"planted": name, "window": size, "ours": mine, "Evidently's preset": peer})
    notes = (
        f"Any of {len(contract.features)} features; {REFERENCE_ROWS:,} reference rows, split anew for each window. "
        f"{repeats} windows where nothing is planted ({peer_repeats} for Evidently), a quarter of that elsewhere."
    )
    return Table("How often a window is flagged", rows, notes)


def checks(table: pd.DataFrame, contract: Contract, total: int) -> list[Row]:
    """Check a stream that did not drift again and again, as the monitor does."""
    draw = np.random.default_rng(1)
    order = draw.permutation(len(table))
    reference = table.iloc[order[:REFERENCE_ROWS]].reset_index(drop=True)
    others = order[REFERENCE_ROWS:]
    stream = table.iloc[np.concatenate([draw.permutation(others) for _ in range(total // len(others) + 1)])[:total]]
    found = [
        ours(reference, stream.iloc[at : at + CHECK_WINDOW].reset_index(drop=True), contract)
        for at in range(0, total - CHECK_WINDOW, CHECK_STEP)
    ]
    longest = max((len(run) for run in "".join("x" if one else " " for one in found).split()), default=0)
    what = f"one stream of {total:,} rows, a window of {CHECK_WINDOW:,}, a check every {CHECK_STEP} rows"
    return [_row(what, len(found), float(np.mean(found)), f"the longest spell is {longest * CHECK_STEP:,} rows")]


def sampled(contract: Contract, repeats: int) -> list[Row]:
    """Windows of BIG_WINDOW rows that did not drift, read as the monitor reads them: a uniform sample by id.

    The rows are synthetic: a real table of that size is not at hand, and drawing a small one again and again would make
    rows that are no independent sample.
    """
    table = clean(contract, read_table(make_table(contract, 2 * BIG_WINDOW, 7)).cells).features.reset_index(drop=True)
    levels = np.array([level_of(str(uuid.UUID(int=at**5))) for at in range(len(table))])
    draw, found, read = np.random.default_rng(2), 0, []
    for _ in range(repeats):
        order = draw.permutation(len(table))
        window = order[REFERENCE_ROWS : REFERENCE_ROWS + BIG_WINDOW]
        kept = window[levels[window] >= SAMPLE_LEVEL]
        reference, sample = (table.iloc[rows].reset_index(drop=True) for rows in (order[:REFERENCE_ROWS], kept))
        found += ours(reference, sample, contract)
        read.append(len(kept))
    about = f"of which about {np.mean(read):,.0f} rows are read"
    return [_row(f"windows of {BIG_WINDOW:,} synthetic rows, sampled", repeats, found / repeats, about)]


def _row(what: str, windows: int, share: float, about: str) -> Row:
    return {"nothing planted": what, "windows": windows, "flagged": f"{share:.1%}", "": about}


def _flagged(detector: Detector, table: pd.DataFrame, contract: Contract, size: int, plant: Plant, repeats: int) -> str:
    """The share of repeats in which any feature is flagged."""
    draw, found = np.random.default_rng(0), 0
    for _ in range(repeats):
        order = draw.permutation(len(table))
        reference = table.iloc[order[:REFERENCE_ROWS]].reset_index(drop=True)
        window = table.iloc[order[REFERENCE_ROWS : REFERENCE_ROWS + size]].reset_index(drop=True)
        found += detector(reference, plant(window, draw), contract)
    return f"{found / repeats:.1%}"
