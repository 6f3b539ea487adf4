"""Whether a run is still what its figures say: its bundle, its data, and every figure, measured again.

Nothing is trained, written or promoted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec

from model_orchestration.data.checks import check
from model_orchestration.data.job_split import contract_of, parts_of
from model_orchestration.evaluation.by_slice.records import slice_metrics
from model_orchestration.evaluation.reliability import both_scores
from model_orchestration.job import Job, Tools
from model_orchestration.measurement.measured import measured
from model_orchestration.retrain import Original, read_original
from model_orchestration.search.trial_runs import TrialRun
from model_orchestration.steps import check_step, fetch_bundle
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.clean_copy.examine import examine
from tabular.data.table import encode
from tabular.data.versions.version import Version
from tabular.errors import NotFound
from tabular.model.bundle import Bundle
from tabular.quality.metrics import metrics

RELATIVE_TOLERANCE = 1e-9
"""Sums over many rows differ in their last digits from one processor to another; the scores themselves do not."""

Figures = Mapping[str, object]


class Verification(msgspec.Struct, frozen=True):
    """What was verified, as pairs of a word and a text, and every figure that is not what it was."""

    lines: tuple[tuple[str, str], ...]
    differing: tuple[str, ...]


def verify(tools: Tools, contract: Contract, run_id: str) -> Verification:
    """Fetch what a run names and measure it again; `contract` is that of now, by which the accepted version is checked.

    Raises BrokenBundle if the golden records do not score as they did, Rejected if the bytes of a version are not those
    published, InvalidTable if it is not fit to train on, NotFound for what is gone or was not made by this flow, and
    Unavailable.
    """
    original = read_original(tools, run_id)
    trial, job = _trial(original, run_id), original.job
    bundle = fetch_bundle(tools, trial.run_id)
    bundle.compiled_scorer()
    feature_store.fetch(tools.objects, job.read_contract, job.data_sha256)
    warnings = check_step(tools, job, None).warnings
    lines = [
        ("run", f"{trial.run_id}, trial {trial.number} of the sweep {original.parent_id}"),
        ("golden", f"{len(bundle.golden)} records score as when the model was made, bit-identical"),
        ("data", f"version {job.data_sha256[:12]}, by the contract of the run: {_passed(warnings)}"),
        ("accepted", _accepted(tools, contract, job)),
    ]
    then, now = _figures(tools, original, trial, bundle)
    differing = tuple(differences(then, now))
    lines.append(("figures", f"{len(then)} of the run measured again: {_finding(differing)}"))
    return Verification(tuple(lines), differing)


def differences(then: Figures, now: Figures) -> Iterator[str]:
    """Each figure that is not what it was, beyond the last digits, in words."""
    for name in sorted({*then, *now}):
        before, after = then.get(name), now.get(name)
        if not _same(before, after):
            yield f"{name}: was {before}, is {after}"


def flat(document: object, name: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of nested figures, each by its path; a slice is named by its feature and value."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from flat(value, f"{name} {key}".strip())
    elif isinstance(document, list | tuple):
        for at, value in enumerate(document):
            own = f"{value['feature']}={value['value']}" if isinstance(value, Mapping) else str(at)
            yield from flat(value, f"{name} {own}")
    else:
        yield name, document


def _trial(original: Original, run_id: str) -> TrialRun:
    wanted = original.evaluation.run_id if run_id == original.parent_id else run_id
    found = next((trial for trial in original.trials if trial.run_id == wanted), None)
    if found is None:
        raise NotFound(f"the sweep {original.parent_id} has no trial {wanted}: give the id of a trial, or of the sweep")
    return found


def _figures(tools: Tools, original: Original, trial: TrialRun, bundle: Bundle) -> tuple[Figures, Figures]:
    """What the run has, and what is measured now: on the validation rows, and of the best trial on the test rows."""
    job, logged = original.job, tools.registry.run(trial.run_id).metrics
    now: dict[str, object] = dict(_validation(tools, job, bundle))
    then: dict[str, object] = {f"bundle {name}": bundle.metrics.get(name) for name in now}
    then |= {f"run {name}": logged.get(name) for name in now}
    now = {f"{where} {name}": value for where in ("bundle", "run") for name, value in now.items()}
    if trial.run_id == original.evaluation.run_id:
        evaluation = measured(tools, job, trial, bundle).evaluation
        kept = evaluation.logged | slice_metrics(job.read_contract.table.task, evaluation.slices)
        then |= dict(flat(msgspec.to_builtins(original.evaluation))) | {f"run {key}": logged.get(key) for key in kept}
        now |= dict(flat(msgspec.to_builtins(evaluation))) | {f"run {key}": value for key, value in kept.items()}
    return then, now


def _validation(tools: Tools, job: Job, bundle: Bundle) -> Mapping[str, float]:
    contract, part = contract_of(tools, job), parts_of(tools, job).validation
    rows = encode(contract, part.features)
    both = both_scores(bundle, rows)
    scores = bundle.predict(rows) if both is None else both.own  # a trial is measured before it is calibrated
    found = metrics(contract.table.task, part.target.to_numpy(), scores, off_by=contract.off_by_more_than)
    return {f"validation_{name}": value for name, value in found.items()}


def _accepted(tools: Tools, contract: Contract, job: Job) -> str:
    """What there is to say of the last version whose model passed the gate; raises InvalidTable if it is not fit."""
    version: Version | None = feature_store.last_accepted(tools.objects, contract)
    if version is None:
        return "no version yet: no model has passed the gate"
    if version.sha256 == job.data_sha256:
        return "that very version"
    feature_store.fetch(tools.objects, contract, version.sha256)
    report = check(contract, examine(tools.objects, contract, version.sha256), None)
    report.require()
    return f"version {version.sha256[:12]}, a later or another one, by the contract of now: {_passed(report.warnings)}"


def _passed(warnings: tuple[str, ...]) -> str:
    return "the checks passed" + (f", with warnings: {'; '.join(warnings)}" if warnings else "")


def _finding(differing: tuple[str, ...]) -> str:
    return f"{len(differing)} are NOT the same" if differing else "all are the same"


def _same(before: object, after: object) -> bool:
    if isinstance(before, float | int) and isinstance(after, float | int):
        return math.isclose(before, after, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
    return before == after
