"""A job's table measured by cross-validation, if it is small: the best trial's settings and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from model_orchestration.data.folds import Fold
from model_orchestration.data.job_split import parts_of
from model_orchestration.data.split import joined
from model_orchestration.evaluation.baselines import baselines
from model_orchestration.job import Job, Tools
from model_orchestration.outcome import CrossValidation
from model_orchestration.search.candidate import scores_by_params
from model_orchestration.search.out_of_fold import MODEL, HeldOut, cross_validated, is_small
from model_orchestration.search.trial_runs import TrialRun
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.quality.intervals import intervals
from tabular.quality.metrics import Floats, metrics


def out_of_fold(tools: Tools, job: Job, best: TrialRun) -> HeldOut | None:
    """A small table scored by cross-validation of the best trial's settings and of the baselines; else None."""
    if not is_small(job.read_contract.split, parts_of(tools, job)):
        return None
    return _cross_validated(tools, job, msgspec.json.encode(best.params))


@lru_cache(maxsize=1)
def _cross_validated(tools: Tools, job: Job, params: bytes) -> HeldOut:
    contract = job.read_contract
    table = joined(parts_of(tools, job))

    def of_baselines(fold: Fold) -> Mapping[str, Floats]:
        parts = fold.parts(table)
        return baselines(learnt(contract, parts.train), parts.train, parts.test)

    ours = scores_by_params(MODEL, contract, table, msgspec.json.decode(params), job.seed)
    return cross_validated(table, contract.split, job.seed, [ours, of_baselines], tools.engine.workers)


def figures_of(contract: Contract, held_out: HeldOut, threshold: float) -> CrossValidation:
    """The metrics of the model on rows held out, with their intervals; `threshold` is that of F1."""
    measured = (contract.table.task, held_out.target, held_out.scores[MODEL], threshold)
    found = metrics(*measured, contract.off_by_more_than)
    ends = dict(intervals(*measured, held_out.units, contract.off_by_more_than))
    return CrossValidation(contract.split.folds, contract.split.repeats, found, ends)
