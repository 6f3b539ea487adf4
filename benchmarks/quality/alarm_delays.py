"""The alarm: how often it is raised where nothing changes, and after how many predictions it finds what is planted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from benchmarks.quality.alarms import CHECK_WINDOW, NOTHING, plants
from benchmarks.quality.detectors import REFERENCE_ROWS, ours
from monitoring.alarms.kinds import FALSE_ALARM_DAYS, threshold
from monitoring.alarms.predictions import BLOCK_MIN_ROWS
from tabular.contract.types import Contract
from tabular.predictions.window import comparable
from tabular.quality.alarm.detector import Detector
from tabular.quality.alarm.shares import WatchedShares
from tabular.settings import Settings

BLOCK_SECONDS = round(Settings().monitor_block_seconds)
BLOCKS = FALSE_ALARM_DAYS * 86_400 // BLOCK_SECONDS
CHECK_ROWS, MAX_ROWS = 50, 20_000
DELAYS = 20
Counted = NDArray[np.int32]


def tables(table: pd.DataFrame, contract: Contract, months: int) -> list[Table]:
    """False alarms by block size, and the delays beside the first flag of a window that is checked again and again."""
    draw = np.random.default_rng(5)
    sizes = {BLOCK_MIN_ROWS: months, CHECK_WINDOW: max(months // 10, 1)}
    false: list[Row] = [_months(table, contract, times, rows, draw) for rows, times in sizes.items()]
    delays: list[Row] = [
        _delays(table, contract, name, plant, draw) for name, plant in plants(contract).items() if name != NOTHING
    ]
    notes = (
        f"Rows drawn with replacement from the table, {REFERENCE_ROWS:,} others of it as the reference, another each "
        f"month or repeat. A month is {BLOCKS:,} blocks of {BLOCK_SECONDS} s. "
    )
    later = (
        f"{notes}Median of {DELAYS} repeats, blocks of {BLOCK_MIN_ROWS}; none is within {MAX_ROWS:,} predictions. The "
        f"rule per window flags the newest {CHECK_WINDOW:,}, checked every {CHECK_ROWS}, and steady traffic too."
    )
    return [
        Table("Alarms where nothing changes", false, notes),
        Table("Predictions until what is planted is found", delays, later),
    ]


def _months(table: pd.DataFrame, contract: Contract, months: int, rows: int, draw: np.random.Generator) -> Row:
    raised = 0
    for _ in range(months):
        watched, detector = _fresh(table, contract, draw)
        counted, held = _members(watched, comparable(table, contract))
        raised += _blocks_until(detector, counted, held, rows, BLOCKS, draw) is not None
    return {"predictions a block": rows, "months": months, "with an alarm": raised}


def _delays(
    table: pd.DataFrame,
    contract: Contract,
    name: str,
    plant: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame],
    draw: np.random.Generator,
) -> Row:
    alarms, flags = [], []
    shifted = plant(table, draw)
    for _ in range(DELAYS):
        watched, detector = _fresh(table, contract, draw)
        counted, held = _members(watched, comparable(shifted, contract))
        blocks = _blocks_until(detector, counted, held, BLOCK_MIN_ROWS, MAX_ROWS // BLOCK_MIN_ROWS, draw)
        alarms.append(np.inf if blocks is None else blocks * BLOCK_MIN_ROWS)
        flags.append(_rows_until_flag(table, shifted, contract, draw))
    return {"planted": name, "alarm": _median(alarms), "rule per window": _median(flags)}


def _fresh(table: pd.DataFrame, contract: Contract, draw: np.random.Generator) -> tuple[WatchedShares, Detector]:
    reference = table.iloc[draw.permutation(len(table))[:REFERENCE_ROWS]].reset_index(drop=True)
    watched = WatchedShares(reference, contract)
    return watched, Detector(watched.features, watched.lowest, watched.highest, threshold(BLOCK_SECONDS))


def _members(watched: WatchedShares, frame: pd.DataFrame) -> tuple[Counted, Counted]:
    """By row and share: whether its column is there, and whether the row counts."""
    there = [frame[share.column].notna().to_numpy() for share in watched.shares]
    held = [share.holds(frame[share.column]) for share in watched.shares]
    return np.stack(there, axis=1).astype(np.int32), np.stack(held, axis=1).astype(np.int32)


def _blocks_until(
    detector: Detector, counted: Counted, held: Counted, rows: int, blocks: int, draw: np.random.Generator
) -> int | None:
    for at in range(blocks):
        drawn = draw.integers(0, len(held), rows)
        detector.add(counted[drawn].sum(axis=0, dtype=np.int64), held[drawn].sum(axis=0, dtype=np.int64))
        if detector.is_raised:
            return at + 1
    return None


def _rows_until_flag(
    table: pd.DataFrame, shifted: pd.DataFrame, contract: Contract, draw: np.random.Generator
) -> float:
    """Predictions after the change until the newest window, half old and half new at first, is flagged."""
    reference = table.iloc[draw.permutation(len(table))[:REFERENCE_ROWS]].reset_index(drop=True)
    before = table.iloc[draw.integers(0, len(table), CHECK_WINDOW)]
    after = shifted.iloc[draw.integers(0, len(table), MAX_ROWS)]
    for rows in range(CHECK_ROWS, 5 * CHECK_WINDOW, CHECK_ROWS):
        window = pd.concat([before, after.iloc[:rows]]).tail(CHECK_WINDOW).reset_index(drop=True)
        if ours(reference, window, contract):
            return rows
    return np.inf


def _median(found: list[float]) -> str:
    middle = float(np.median(found))
    return "none" if np.isinf(middle) else f"{middle:,.0f}"
