"""A bundle on the untouched test rows of its job: every figure, and the scores that they rest on."""

from __future__ import annotations

from dataclasses import dataclass

from model_orchestration.data.job_split import contract_of, parts_of
from model_orchestration.evaluation.reliability import BothScores, both_scores, reliability
from model_orchestration.job import Job, Tools
from model_orchestration.outcome import Evaluation
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from model_orchestration.search.small_table import figures_of, out_of_fold
from model_orchestration.search.trial_runs import TrialRun
from tabular.data.table import encode
from tabular.encoding.row import Matrix
from tabular.model.bundle import Bundle
from tabular.quality.intervals import intervals
from tabular.quality.metrics import Floats, best_f1_threshold, metrics
from tabular.quality.slices import slices


@dataclass(frozen=True)
class Measured:
    """The evaluation of a model, and the n test rows it rests on: inputs, target, scores, which are n or n x classes.

    `both` are the scores before and after calibration, None for what has no probabilities.
    """

    evaluation: Evaluation
    rows: Matrix
    target: Floats
    scores: Floats
    both: BothScores | None

    @property
    def cut(self) -> float:
        """The score from which a row counts as positive."""
        return 0.5 if self.evaluation.threshold is None else self.evaluation.threshold


def measured(tools: Tools, job: Job, best: TrialRun, bundle: Bundle) -> Measured:
    """Score the test rows of a job with the bundle of its best trial; raises InvalidTable, NotFound and Unavailable.

    A small table is cross-validated besides, which fits the trial's settings again.
    """
    contract, parts = contract_of(tools, job), parts_of(tools, job)
    rows, target = encode(contract, parts.test.features), parts.test.target.to_numpy()
    scores, both, threshold = bundle.predict(rows), both_scores(bundle, rows), None
    if contract.table.task == "binary":
        known = bundle.predict(encode(contract, parts.validation.features))
        threshold = best_f1_threshold(parts.validation.target.to_numpy(), known)
    cut = 0.5 if threshold is None else threshold
    found = metrics(contract.table.task, target, scores, cut, contract.off_by_more_than)
    ends = dict(intervals(contract.table.task, target, scores, cut, parts.test.group_names, contract.off_by_more_than))
    held_out = out_of_fold(tools, job, best)
    on = HeldOut(parts.test, {MODEL: scores}, parts.test.group_names) if held_out is None else held_out.once()
    by_slice = tuple(slices(contract, on.rows.features, on.target, on.scores[MODEL], cut, on.units))
    again = None if held_out is None else figures_of(contract, held_out, cut)
    evaluation = Evaluation(best.run_id, found, threshold, by_slice, ends, again, reliability(bundle, target, both))
    return Measured(evaluation, rows, target, scores, both)
