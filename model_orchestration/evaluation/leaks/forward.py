"""The gate's check of a model that scores the future: how much worse it is there than on random rows."""

from __future__ import annotations

from dataclasses import replace

from model_orchestration.data.split import Split, joined, split
from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection
from model_orchestration.evaluation.leaks.gap import forward_gap, scored
from model_orchestration.search.out_of_fold import HeldOut
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract


def on_random_rows(contract: Contract, parts: Split, params: Params, seed: int) -> HeldOut | None:
    """What a trial's settings reach when the same rows are split by seed; None unless the contract splits by time."""
    if contract.split.time_column is None:
        return None
    random = split(replace(joined(parts), times=None), seed, contract.split)
    return scored(contract, random, params, seed)


def forward_like_random(evidence: Evidence) -> Rejection | None:
    """With a time column, the headline metric on future rows is not far below that of the same settings on random rows.

    Far is by more than `split.max_forward_gap`, with the 95 % interval of the difference wholly above 0.
    """
    if evidence.on_random_rows is None:
        return None
    most = evidence.contract.split.max_forward_gap
    gap = forward_gap(evidence.contract.table.task, evidence.on_random_rows, evidence.held_out)
    if not gap.is_large(most):
        return None
    return Rejection(
        "forward_like_random",
        f"{gap}: what the model learns does not hold for later rows, by more than split.max_forward_gap = {most:g}",
        "find the features whose meaning changes with time, or that only rows of the same time share, and leave them "
        "out; or train on later rows alone. If the figure on future rows is good enough, raise split.max_forward_gap",
    )


def forward_notes(evidence: Evidence) -> list[str]:
    """Both figures, whether or not they differ: the one on future rows is what to expect."""
    if evidence.on_random_rows is None:
        return []
    gap = forward_gap(evidence.contract.table.task, evidence.on_random_rows, evidence.held_out)
    difference = gap.random - gap.forward
    low, high = figures(difference - gap.margin, difference + gap.margin)
    left_out = evidence.split.left_out
    groups = [f"{left_out} rows were left out, because their groups lie across the cuts in time"] if left_out else []
    return [f"{gap} (difference {low} to {high}, 95 % interval)", *groups]
