"""How much worse the same settings score the future than random rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model_orchestration.data.split import Split
from model_orchestration.evaluation.comparison import figures
from model_orchestration.search.candidate import make_fit
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract, Task
from tabular.data.categories.learning import learnt
from tabular.data.table import encode
from tabular.quality.influence import influences
from tabular.quality.intervals import OUTSIDE, standard_error
from tabular.quality.metrics import headline, metrics


@dataclass(frozen=True)
class ForwardGap:
    """The headline metric on random and on future rows, and the standard error of the difference.

    The two are measured on different rows, so their variances add up.
    """

    metric: str
    random: float
    forward: float
    error: float

    @property
    def margin(self) -> float:
        """Half the 95 % interval of the difference."""
        from scipy.stats import norm

        return float(norm.ppf(1 - OUTSIDE / 2)) * self.error

    def is_large(self, most: float) -> bool:
        """True if the future is worse by `most` or more, with the interval of the difference wholly above 0."""
        gap = self.random - self.forward
        return gap >= most and gap > self.margin

    def __str__(self) -> str:
        on_random, on_future = figures(self.random, self.forward)
        return f"{self.metric} {on_random} on random rows and {on_future} on future ones"


def forward_gap(task: Task, random: HeldOut, forward: HeldOut) -> ForwardGap:
    """The gap between the model's scores of random rows and of future ones."""
    found, variance = [], 0.0
    for held_out in (random, forward):
        scores = held_out.scores[MODEL]
        found.append(metrics(task, held_out.target, scores)[headline(task)])
        variance += standard_error(influences(task, held_out.target, scores)[headline(task)], held_out.units) ** 2
    return ForwardGap(headline(task), found[0], found[1], math.sqrt(variance))


def scored(contract: Contract, parts: Split, params: Params, seed: int) -> HeldOut:
    """The test rows of a split, scored by a model of these settings that was fitted on the other parts."""
    own = learnt(contract, parts.train)
    trial = make_fit(own, parts, seed)(0, params)
    scores = trial.scorer.many(encode(own, parts.test.features))
    return HeldOut(parts.test, {MODEL: scores}, parts.test.group_names)
