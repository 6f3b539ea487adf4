"""The gate's check of a model that scores the future: how much worse it is there than on random rows."""

from __future__ import annotations

import math
from dataclasses import replace

from model_orchestration.data.split import Split, joined, split
from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection
from model_orchestration.search.candidate import make_fit
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.data.table import encode
from tabular.quality.influence import influences
from tabular.quality.intervals import OUTSIDE, standard_error
from tabular.quality.metrics import headline, metrics


def on_random_rows(contract: Contract, parts: Split, params: Params, seed: int) -> HeldOut | None:
    """What a trial's settings reach when the same rows are split by seed; None unless the contract splits by time."""
    if contract.split.time_column is None:
        return None
    random = split(replace(joined(parts), times=None), seed, contract.split)
    own = learnt(contract, random.train)
    trial = make_fit(own, random, seed)(0, params)
    scores = trial.scorer.many(encode(own, random.test.features))
    return HeldOut(random.test, {MODEL: scores}, random.test.group_names)


def forward_like_random(evidence: Evidence) -> Rejection | None:
    """With a time column, the headline metric on future rows is not far below that of the same settings on random rows.

    Far is by more than `split.max_forward_gap`, with the 95 % interval of the difference wholly above 0; the two are
    measured on different rows, so their variances add up.
    """
    if evidence.on_random_rows is None:
        return None
    random, forward, error = _figures(evidence, evidence.on_random_rows)
    gap, most = random - forward, evidence.contract.split.max_forward_gap
    if gap < most or gap <= _normal_quantile() * error:
        return None
    return Rejection(
        "forward_like_random",
        f"{_both_figures(evidence, random, forward)}: what the model learns does not hold for later rows, by more than "
        f"split.max_forward_gap = {most:g}",
        "find the features whose meaning changes with time, or that only rows of the same time share, and leave them "
        "out; or train on later rows alone. If the figure on future rows is good enough, raise split.max_forward_gap",
    )


def forward_notes(evidence: Evidence) -> list[str]:
    """Both figures, whether or not they differ: the one on future rows is what to expect."""
    if evidence.on_random_rows is None:
        return []
    random, forward, error = _figures(evidence, evidence.on_random_rows)
    margin = _normal_quantile() * error
    low, high = figures(random - forward - margin, random - forward + margin)
    both = _both_figures(evidence, random, forward)
    left_out = evidence.split.left_out
    groups = [f"{left_out} rows were left out, because their groups lie across the cuts in time"] if left_out else []
    return [f"{both} (difference {low} to {high}, 95 % interval)", *groups]


def _both_figures(evidence: Evidence, random: float, forward: float) -> str:
    on_random, on_future = figures(random, forward)
    return f"{headline(evidence.contract.table.task)} {on_random} on random rows and {on_future} on future ones"


def _figures(evidence: Evidence, random: HeldOut) -> tuple[float, float, float]:
    """The headline metric on random and on future rows, and the standard error of the difference."""
    task, found, variance = evidence.contract.table.task, [], 0.0
    for held_out in (random, evidence.held_out):
        scores = held_out.scores[MODEL]
        found.append(metrics(task, held_out.target, scores)[headline(task)])
        variance += standard_error(influences(task, held_out.target, scores)[headline(task)], held_out.units) ** 2
    return found[0], found[1], math.sqrt(variance)


def _normal_quantile() -> float:
    from scipy.stats import norm

    return float(norm.ppf(1 - OUTSIDE / 2))
