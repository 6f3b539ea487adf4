"""A fitted model as a trial: what every family does with it."""

from __future__ import annotations

import time

import numpy as np

from model_orchestration.search.trial import Params, SearchData, Trial
from tabular.model.non_negative import NonNegativeScorer
from tabular.model.scorer import Scorer
from tabular.quality.metrics import row_losses


def finished(
    data: SearchData, number: int, params: Params, scorer: Scorer, loss: float, rounds: int, started: float
) -> Trial:
    """The trial of a fitted model, scored on validation as it would be served; `started` by `time.perf_counter`.

    `loss` is the one that its library stopped by. Where scores below 0 are 0, it is that of the scores after that.
    """
    served = NonNegativeScorer(scorer) if data.non_negative else scorer
    scores = served.many(data.validation)
    if data.non_negative:
        loss = float(np.sqrt(row_losses("regression", data.validation_target, scores).mean()))
    return Trial(
        number=number,
        params=params,
        loss=loss,
        rounds=rounds,
        model=scorer.to_bytes(),
        validation_scores=scores,
        fit_seconds=time.perf_counter() - started,
        family=scorer.family,
        non_negative=data.non_negative,
    )
