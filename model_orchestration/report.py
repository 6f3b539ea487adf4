"""The summary of a training run: lines on a terminal, a page in the Prefect UI."""

from __future__ import annotations

import msgspec

from model_orchestration.evaluation.evidence import GateReport
from model_orchestration.job import Job
from model_orchestration.outcome import CrossValidation, Evaluation, Sweep
from model_orchestration.search.trial_runs import TrialRun
from tabular.contract.training import BOOSTED


class Outcome(msgspec.Struct, frozen=True):
    """A whole training; `warnings` are those of the data checks.

    A retraining has no gate and no alias, but `like` and what differs from the original.
    """

    job: Job
    sweep: Sweep
    evaluation: Evaluation
    gate: GateReport | None = None
    alias: str | None = None
    version: str | None = None
    held_back: str | None = None
    accepted: str | None = None
    waits_for: str | None = None
    reused: tuple[str, ...] = ()
    like: str | None = None
    differing: tuple[str, ...] = ()
    page: str = ""
    warnings: tuple[str, ...] = ()


def lines(outcome: Outcome) -> list[tuple[str, str]]:
    """The summary, as pairs of a word and a text."""
    best = outcome.sweep.best
    found = [
        (
            "table",
            f"{outcome.job.read_contract.table.name}{', SYNTHETIC data' if outcome.job.synthetic else ''}",
        ),
        ("data", f"version {outcome.job.data_sha256[:12]}"),
        *(("warning", text) for text in outcome.warnings),
        ("sweep", f"{len(outcome.sweep.trials)} trials under the parent run {outcome.sweep.parent_id}"),
        ("best", f"trial {best.number}, {described(best)}, validation loss {best.loss:.4f}"),
        *(("warning", text) for text in stopped_at_limit(outcome)),
        ("test", _figures(outcome.evaluation)),
        *_cross_validation(outcome.evaluation),
        *_calibration(outcome.evaluation),
    ]
    if outcome.reused:
        found.append(("reused", ", ".join(outcome.reused) + ": nothing they depend on has changed"))
    if outcome.gate is not None:
        found.append(("gate", "passed" if outcome.gate.passed else "rejected"))
        found += [("rejection", f"{one.name}: {one.why}. {one.remedy}") for one in outcome.gate.rejections]
        if not outcome.gate.passed:  # what holds a passed model is told with what became of it
            found += [("hold", f"{one.name}: {one.why}. {one.remedy}") for one in outcome.gate.holds]
        found += [("question", question) for question in outcome.gate.questions]
        found += [("note", note) for note in outcome.gate.notes]
        found.append(("model", f"version {outcome.version}, {outcome.alias or 'registered'}"))
    if outcome.held_back is not None:
        found.append(("held", outcome.held_back))
    if outcome.waits_for is not None:
        found.append(("waits", outcome.waits_for))
    if outcome.accepted is not None:
        found.append(("accepted", outcome.accepted))
    if outcome.like is not None:
        found.append(("like", f"the sweep {outcome.like}: {_reproduction(outcome)}"))
        found += [("differs", text) for text in outcome.differing[:10]]
    return [*found, ("page", outcome.page), ("RUN_ID", best.run_id)]


def described(trial: TrialRun) -> str:
    """A trial's family, and how many trees it has."""
    return trial.family if trial.family == "linear" else f"{trial.family}, {trial.rounds} rounds"


def stopped_at_limit(outcome: Outcome) -> list[str]:
    """A warning if the best trial has as many rounds as it may have: it was still getting better."""
    best, limit = outcome.sweep.best, outcome.job.read_contract.training.max_rounds
    if best.family not in BOOSTED or best.rounds < limit:
        return []
    return [
        f"the best trial stopped at its limit of {limit:,} rounds and may not be as good as it can be: raise "
        "training.max_rounds in the contract, or the range of its learning_rate"
    ]


def markdown(outcome: Outcome) -> str:
    """The same as a page."""
    rows = [f"| {word} | {text.replace('|', '/')} |" for word, text in lines(outcome)]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _figures(found: Evaluation | CrossValidation) -> str:
    """The metrics with their 95 % intervals, such as `roc_auc 0.8123 [0.7811, 0.8402]`."""
    ends = {name: f" [{low:.4f}, {high:.4f}]" for name, (low, high) in found.intervals.items()}
    return ", ".join(f"{name} {value:.4f}{ends.get(name, '')}" for name, value in found.metrics.items())


def _cross_validation(evaluation: Evaluation) -> list[tuple[str, str]]:
    found = evaluation.cross_validation
    if found is None:
        return []
    how = f"of all rows, {found.repeats} times {found.folds} folds, for the table is small"
    return [("cv", f"{_figures(found)} ({how})")]


def _calibration(evaluation: Evaluation) -> list[tuple[str, str]]:
    """How the probabilities are calibrated, and what that does on the test rows."""
    found = evaluation.reliability
    if found is None:
        return []
    if found.method == "none":
        how = f"error {found.own['calibration_error']:.4f} on test"
        return [("calibrated", f"as they are ({how}), for no calibration is better on validation")]
    changes = ", ".join(
        f"{name.replace('_', ' ')} {found.own[name]:.4f} -> {found.calibrated[name]:.4f}" for name in found.own
    )
    return [("calibrated", f"by {found.method}, on test: {changes}")]


def _reproduction(outcome: Outcome) -> str:
    if not outcome.differing:
        return "reproduced, every trial and every test metric bit-identical"
    return f"NOT reproduced, {len(outcome.differing)} values differ (another version of the code or of XGBoost?)"
