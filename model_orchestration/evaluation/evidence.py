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
from model_orchestration.evaluation.leaks.findings import LeakReport
from tabular.contract.types import Contract

Floats = NDArray[np.floating[Any]]


class Rejection(msgspec.Struct, frozen=True):
    """One reason why the model may not be champion."""

    name: str
    why: str
    remedy: str


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
    """What the gate checks. `baselines` maps a name to its scores on the test rows; `leaks` is of each feature.

    `against_champion` compares with the present champion on test rows; empty if there is none to compare with.
    `other_target` says how the champion's target differs from this one, None if it does not.
    """

    contract: Contract
    split: Split
    validation_scores: Floats
    test_scores: Floats
    baselines: Mapping[str, Floats]
    trials: Sequence[Mapping[str, int | float | str]]
    leaks: LeakReport
    against_champion: Sequence[Difference] = ()
    other_target: str | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def against_baselines(self) -> Mapping[str, Sequence[Difference]]:
        """The comparison with each baseline, paired over the test rows."""
        task, target = self.contract.table.task, self.split.test.target.to_numpy()
        return {name: compare(task, target, self.test_scores, scores) for name, scores in self.baselines.items()}


Check = Callable[[Evidence], Rejection | None]
