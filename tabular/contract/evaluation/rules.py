"""The contract's `[evaluation]`: what is measured beside the metrics of every task."""

from __future__ import annotations

import math

import msgspec

PROBABILITY_OFF_BY = 0.5
"""By how much a probability may be off if the contract does not say: beyond it the other class is the likelier one."""


class EvaluationRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is measured beside the metrics of every task.

    `off_by_more_than`: the share of rows whose prediction is off by more than this is a metric. In the target's unit;
    of a binary task by how much the probability is off, 0.5 if it is left out.
    """

    off_by_more_than: float | None = None

    def off_by(self, task: str) -> float | None:
        """The amount for a task; None where no such share is measured."""
        return PROBABILITY_OFF_BY if task == "binary" and self.off_by_more_than is None else self.off_by_more_than


def evaluation_faults(rules: EvaluationRules, task: str) -> list[str]:
    """What is wrong with `[evaluation]` for a table of this task."""
    amount = rules.off_by_more_than
    if amount is None:
        return []
    if task == "multiclass":
        return ["evaluation.off_by_more_than: is for a regression or a binary task: a class is right or wrong"]
    most = 1.0 if task == "binary" else math.inf
    if 0 < amount < most:
        return []
    allowed = "above 0 and below 1, for a probability" if task == "binary" else "a finite number above 0"
    return [f"evaluation.off_by_more_than: must be {allowed}, not {amount:g}"]
