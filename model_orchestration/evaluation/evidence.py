"""What the gate checks, and its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from model_orchestration.evaluation.comparison import Difference, compare
from model_orchestration.evaluation.leaks.copies import copied_rows
from model_orchestration.evaluation.leaks.findings import LeakReport
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.contract.types import Contract

Floats = NDArray[np.floating[Any]]


class Rejection(msgspec.Struct, frozen=True):
    """One reason why the model may not be champion."""

    name: str
    why: str
    remedy: str


class SliceDifference(msgspec.Struct, frozen=True):
    """Ours against the champion's mean loss on the test rows with one value of a feature; `gain` above 0 is better.

    [low, high] is the interval of the gain: those of all slices hold together with 95 %.
    """

    feature: str
    value: str
    rows: int
    ours: float
    theirs: float
    gain: float
    low: float
    high: float


class GateReport(msgspec.Struct, frozen=True):
    """`passed` is True if no check rejected the model; `notes` are worth knowing and reject nothing.

    `holds` reject nothing either, but the model becomes champion only with `ACCEPT="reason"`.
    `questions` ask the author about features that bring much of the skill; `leaks` is what every feature brings, None
    if the scores were so broken that nothing else was measured.
    """

    passed: bool
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    holds: tuple[Rejection, ...] = ()
    leaks: LeakReport | None = None


@dataclass(frozen=True)
class Evidence:
    """What the gate checks. `held_out` are the rows to compare on: the test rows, or of a small table all of them.

    Its scores are those of the model (of a small table, of models of its settings fitted without the row) and of each
    baseline. `leaks` is what each feature brings.

    `on_random_rows` is a model of the same settings on a split by seed, where the split is by time.
    `against_champion` compares with the present champion; empty if there is none to compare with, and
    `slices_against_champion` on each slice of the test rows that is large enough, where these are compared on.
    `other_target` says how the champion's target differs from this one, None if it does not.
    """

    contract: Contract
    split: Split
    validation_scores: Floats
    test_scores: Floats
    held_out: HeldOut
    trials: Sequence[Mapping[str, int | float | str]]
    leaks: LeakReport
    on_random_rows: HeldOut | None = None
    against_champion: Sequence[Difference] = ()
    slices_against_champion: Sequence[SliceDifference] = ()
    other_target: str | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def copied_rows(self) -> NDArray[np.bool_]:
        """For each test row whether it is a copy of a training row; two checks ask."""
        return copied_rows(self.contract, self.split)

    @cached_property
    def against_baselines(self) -> Mapping[str, Sequence[Difference]]:
        """The comparison with each baseline, paired over the rows held out."""
        task, held_out = self.contract.table.task, self.held_out
        return {
            name: compare(task, held_out.target, held_out.scores[MODEL], scores, held_out.units)
            for name, scores in held_out.scores.items()
            if name != MODEL
        }


Check = Callable[[Evidence], Rejection | None]
