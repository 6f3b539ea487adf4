"""The alarm on quality: how often it errs where nothing changes, and how soon it finds what is planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from benchmarks.quality.alarm_delays import BLOCK_SECONDS, BLOCKS
from benchmarks.quality.detectors import REFERENCE_ROWS
from benchmarks.quality.small_reference import PARAMS
from model_orchestration.data.split import split
from model_orchestration.search.candidate import make_fit
from monitoring.alarms.kinds import threshold
from tabular.contract.types import Contract
from tabular.data.table import CleanTable, encode
from tabular.quality.alarm.loss_grid import counts_on_grid
from tabular.quality.alarm.risk import RiskDetector, reference_risk
from tabular.quality.bounded_loss import bounded_losses
from tabular.quality.metrics import Floats

POOL_SHARE = 0.4
MODELS = 10
LABELS_A_BLOCK = (10, 100)
FLIPPED = (0.05, 0.1, 0.3)
WINDOW, NORMAL_QUANTILE = 1_000, 1.96
DELAYS, MAX_LABELS = 100, 20_000


@dataclass(frozen=True)
class _Pool:
    """The bounded losses of rows that no model was fitted on, with the outcomes that they have and with the other."""

    losses: Floats
    if_flipped: Floats

    def drawn(self, rows: int, flipped: float, draw: np.random.Generator) -> Floats:
        at = draw.integers(0, len(self.losses), rows)
        return np.where(draw.random(rows) < flipped, self.if_flipped[at], self.losses[at])

    def reference(self, draw: np.random.Generator) -> Floats:
        return draw.permutation(self.losses)[:REFERENCE_ROWS]


def tables(table: CleanTable, contract: Contract, months: int) -> list[Table]:
    """False alarms by labels a block, and the delays, beside the rule of an interval at each look."""
    pools = [_pool(table, contract, seed) for seed in range(MODELS)]
    draw = np.random.default_rng(6)
    false = [
        _months(pools, times, rows, draw)
        for rows, times in zip(LABELS_A_BLOCK, (months, months // 10 or 1), strict=True)
    ]
    delays = [_delays(pools, share, draw) for share in FLIPPED]
    notes = (
        f"{MODELS} models, each fitted on {1 - POOL_SHARE:.0%} of the table. Labelled predictions are drawn with "
        f"replacement from the others, {REFERENCE_ROWS:,} of which are the reference, other ones each month or repeat. "
        f"A month is {BLOCKS:,} blocks of {BLOCK_SECONDS} s. The plain rule looks at each label whether the 95 % "
        f"interval of the mean loss of the newest {WINDOW:,} leaves out the reference's."
    )
    later = f"Median of {DELAYS} repeats, blocks of {LABELS_A_BLOCK[0]}; none is within {MAX_LABELS:,} labels."
    mean = float(np.mean([pool.losses.mean() for pool in pools]))
    return [
        Table("The alarm on quality where nothing changes", false, f"{notes} The mean loss is {mean:.3f}."),
        Table("Labels until a concept drift is found", delays, later),
    ]


def _pool(table: CleanTable, contract: Contract, seed: int) -> _Pool:
    order = np.random.default_rng(seed).permutation(len(table))
    held_out = round(POOL_SHARE * len(table))
    parts = split(table.take(order[held_out:]), seed)
    trial = make_fit(contract, parts, seed)(0, PARAMS)
    rows = table.take(order[:held_out])
    target, scores = rows.target.to_numpy(np.float64), trial.scorer.many(encode(contract, rows.features))
    return _Pool(bounded_losses("binary", target, scores), bounded_losses("binary", 1 - target, scores))


def _months(pools: list[_Pool], months: int, rows: int, draw: np.random.Generator) -> Row:
    raised, flagged, looks = 0, 0, 0.0
    for month in range(months):
        pool = pools[month % len(pools)]
        reference, labels = pool.reference(draw), pool.drawn(rows * BLOCKS, 0.0, draw)
        raised += _labels_until_alarm(reference, labels, rows) is not None
        outside = _is_outside(reference, labels)
        flagged, looks = flagged + bool(outside.any()), looks + float(outside.mean())
    return {
        "labels a block": rows,
        "months": months,
        "with an alarm": raised,
        "with a flag of the plain rule": flagged,
        "its flags, of all looks": f"{looks / months:.0%}",
    }


def _delays(pools: list[_Pool], share: float, draw: np.random.Generator) -> Row:
    alarms, flags, risen = [], [], []
    for repeat in range(DELAYS):
        pool = pools[repeat % len(pools)]
        reference, labels = pool.reference(draw), pool.drawn(MAX_LABELS, share, draw)
        alarms.append(_labels_until_alarm(reference, labels, LABELS_A_BLOCK[0]) or np.inf)
        outside = _is_outside(reference, np.concatenate([pool.drawn(WINDOW - 1, 0.0, draw), labels]))
        flags.append(int(outside.argmax()) + 1 if outside.any() else np.inf)
        risen.append(labels.mean() / pool.losses.mean())
    return {
        "outcomes flipped": f"{share:.0%}",
        "mean loss": f"x {np.mean(risen):.2f}",
        "alarm": _middle(alarms, 0.5),
        "in 9 of 10 cases within": _middle(alarms, 0.9),
        "plain rule": _middle(flags, 0.5),
    }


def _labels_until_alarm(reference: Floats, labels: Floats, rows: int) -> int | None:
    detector = RiskDetector(reference_risk(reference).limit, threshold(BLOCK_SECONDS))
    for at in range(0, len(labels), rows):
        detector.add(counts_on_grid(labels[at : at + rows]))
        if detector.is_raised:
            return at + rows
    return None


def _is_outside(reference: Floats, labels: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Of each full window, whether its interval leaves out the mean of the reference."""
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (labels, labels**2))
    means = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
    errors = np.sqrt(((squares[WINDOW:] - squares[:-WINDOW]) / WINDOW - means**2) / WINDOW)
    return np.asarray(np.abs(means - reference.mean()) > NORMAL_QUANTILE * errors)


def _middle(found: list[float], share: float) -> str:
    value = float(np.quantile(found, share, method="inverted_cdf"))
    return "none" if np.isinf(value) else f"{value:,.0f}"
