"""The steps of a training, as plain functions: a job in, something small and JSON-able out. flow.py puts Prefect on.

What is big (tables, bundles, pictures) is passed by reference: a version in the feature store, a run in MLflow.
Each step raises Unavailable while a service is down, and NotFound, Rejected or InvalidTable for what it cannot use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from model_orchestration.data.checks import CheckReport, check
from model_orchestration.data.job_split import contract_of, parts_of
from model_orchestration.evaluation import plots
from model_orchestration.evaluation.baselines import baselines
from model_orchestration.evaluation.by_slice.records import slice_metrics, slice_table
from model_orchestration.evaluation.champion_comparison import compare_with_champion
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.explained import contributions
from model_orchestration.evaluation.gate import evaluate
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.evaluation.leaks.forward import on_random_rows
from model_orchestration.evaluation.promotion import register
from model_orchestration.job import Job, Tools
from model_orchestration.measurement.measured import measured
from model_orchestration.outcome import Evaluation, GateResult, Registration, Sweep
from model_orchestration.search.candidate import bundler, make_fit
from model_orchestration.search.on_dask.row_shares import stored_rows
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from model_orchestration.search.recalibration import recalibrate
from model_orchestration.search.run_lineage import data_params, dataset_of, job_tags, run_name, version_tags
from model_orchestration.search.small_table import out_of_fold
from model_orchestration.search.space import space
from model_orchestration.search.sweep import sweep
from model_orchestration.search.trial import Trial, objective
from model_orchestration.search.trial_runs import Recorder
from tabular.data import feature_store
from tabular.data.clean_copy.examine import examine
from tabular.data.table import CleanTable, encode
from tabular.errors import InvalidTable, NotFound
from tabular.model.bundle import Bundle, read_bundle

REPORT, PLOTS = "report", "plots"

Progress = Callable[[int, float], None]
"""Called after each trial with how many are done and the best validation loss so far."""


def check_step(tools: Tools, job: Job, accepted_sha256: str | None) -> CheckReport:
    """Check the version, and compare it with the last accepted one; raises InvalidTable naming rows and columns."""
    contract = job.read_contract
    accepted = _accepted_table(tools, job, accepted_sha256)
    report = check(contract, examine(tools.objects, contract, job.data_sha256), accepted)
    report.require()
    return report


def accepted_version(tools: Tools, job: Job) -> str | None:
    """The version to compare the data with: the last whose model passed the gate, unless it is this very one."""
    version = feature_store.last_accepted(tools.objects, job.read_contract)
    if version is None or version.sha256 == job.data_sha256 or version.synthetic != job.synthetic:
        return None  # a real table has nothing to do with synthetic data
    return version.sha256


def split_step(tools: Tools, job: Job) -> dict[str, int]:
    """How many rows each part has; the parts themselves are cut again, the same, wherever they are needed."""
    parts = parts_of(tools, job)
    return {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}


def sweep_step(tools: Tools, job: Job, tags: Mapping[str, Any], progress: Progress | None = None) -> Sweep:
    """Search, and write every trial as a run under a new parent run."""
    contract, parts, registry = contract_of(tools, job), parts_of(tools, job), tools.registry
    run_tags = dict(tools.run_tags) | job_tags(job) | version_tags(tools.objects, job) | dict(tags)
    what = f"sweep of {job.trials}, seed {job.seed}"
    parent_id = registry.start_run(run_name(contract.table.name, job.data_sha256, what), run_tags)
    dataset = dataset_of(tools.objects, job)
    registry.log_dataset(parent_id, dataset)
    is_divided = bool(tools.engine.row_shares)
    stored = stored_rows(tools.objects, job.read_contract, job.data_sha256, contract, parts) if is_divided else None
    fit = make_fit(contract, parts, job.seed, has_train=stored is None)
    try:
        with Recorder(
            registry, bundler(contract, parts, job.seed, synthetic=job.synthetic), parent_id, run_tags, dataset
        ) as recorder:

            def on_trial(trial: Trial) -> None:
                recorder(trial)
                if progress is not None:
                    progress(trial.number + 1, recorder.lowest_loss)

            with tools.engine.started(fit, stored) as (executor, run):
                has_nominal = any(column.is_nominal for column in contract.inputs)
                searched = space(contract.training, job.families, has_nominal=has_nominal)
                sweep(run, job.trials, job.seed, executor, job.time_budget_seconds, on_trial, searched)
        recalibrate(job.read_contract, parts, job.seed, tools.engine.workers, recorder)
        done = Sweep(parent_id, tuple(recorder.runs))
        _write_sweep(tools, job, done)
    except BaseException:
        registry.finish(parent_id, failed=True)
        raise
    registry.finish(parent_id)
    return done


def evaluate_step(tools: Tools, job: Job, swept: Sweep) -> Evaluation:
    """Score the best trial's bundle on the test rows, once, and put metrics, slices and pictures on its runs."""
    contract, bundle = contract_of(tools, job), fetch_bundle(tools, swept.best.run_id)
    found = measured(tools, job, swept.best, bundle)
    evaluation = found.evaluation
    for run_id in (swept.parent_id, swept.best.run_id):
        tools.registry.log(run_id, metrics=evaluation.logged, tags=evaluation.tags)
        tools.registry.log(run_id, metrics=slice_metrics(contract.table.task, evaluation.slices))
    pictures = plots.model_plots(contract, found.target, found.scores, found.cut, found.both)
    pictures["importance.png"] = plots.importance(contract, contributions(bundle.scorer, found.rows))
    if any(one.metrics for one in evaluation.slices):
        pictures["slices.png"] = plots.by_slice(contract, evaluation.slices)
    _put(tools, swept.parent_id, pictures, PLOTS)
    documents = {"evaluation.json": _pretty(evaluation), "slices.json": _pretty(evaluation.slices)}
    _put(tools, swept.parent_id, documents | {"slices.csv": slice_table(evaluation.slices)}, REPORT)
    return evaluation


def gate_step(tools: Tools, job: Job, swept: Sweep, champion_run_id: str | None) -> GateResult:
    """Evaluate the best trial at the gate; the result goes on its runs."""
    contract, parts = contract_of(tools, job), parts_of(tools, job)
    bundle = fetch_bundle(tools, swept.best.run_id)
    scores = bundle.predict(encode(contract, parts.test.features))
    held_out = out_of_fold(tools, job, swept.best) or HeldOut(
        parts.test, {MODEL: scores, **baselines(contract, parts.train, parts.test)}, parts.test.group_names
    )
    against = compare_with_champion(tools, job, champion_run_id, parts, held_out, swept.best.params)
    evidence = Evidence(
        contract=contract,
        split=parts,
        validation_scores=bundle.predict(encode(contract, parts.validation.features)),
        test_scores=scores,
        held_out=held_out,
        on_random_rows=on_random_rows(contract, parts, swept.best.params, job.seed),
        trials=[trial.params for trial in swept.trials],
        leaks=find_leaks(contract, parts, job.seed),
        against_champion=against.differences,
        slices_against_champion=against.slices,
        notes=against.notes,
        other_target=against.other_target,
    )
    result = GateResult(evaluate(evidence), against.differences, against.slices)
    _put(tools, swept.parent_id, {"gate.json": _pretty(result)}, REPORT)
    for run_id in (swept.parent_id, swept.best.run_id):
        tools.registry.log(run_id, tags=result.tags)
    return result


def register_step(
    tools: Tools, job: Job, swept: Sweep, result: GateResult, report: CheckReport, *, accept: str = ""
) -> Registration:
    """Give the best trial the alias it deserves, and put what the data checks found on its runs."""
    _put(tools, swept.parent_id, {"checks.json": _pretty(report)}, REPORT)
    return register(tools, job, swept, result, report, accept)


def champion(tools: Tools, except_run_id: str = "") -> str | None:
    """The champion's run id; None if there is none, or if it is the excepted one, which needs no comparing."""
    try:
        run_id = tools.registry.champion()
    except NotFound:
        return None
    return None if run_id == except_run_id else run_id


def is_there(tools: Tools, swept: Sweep) -> bool:
    """True if the sweep's parent and best runs are still in MLflow: a result kept elsewhere may outlive them."""
    try:
        for run_id in (swept.parent_id, swept.best.run_id):
            tools.registry.run(run_id)
    except NotFound:
        return False
    return True


@lru_cache(maxsize=1)
def fetch_bundle(tools: Tools, run_id: str) -> Bundle:
    """The verified bundle of a run, fetched once for the steps that ask for it; raises BrokenBundle and Unavailable."""
    with tempfile.TemporaryDirectory() as folder:
        tools.registry.fetch_bundle(run_id, Path(folder))
        bundle = read_bundle(Path(folder))
    bundle.verify()
    return bundle


def _write_sweep(tools: Tools, job: Job, done: Sweep) -> None:
    contract = job.read_contract
    losses = [trial.loss for trial in done.trials]
    history = plots.search_history(losses, str(objective(contract)["eval_metric"]))
    documents = {"contract.json": contract, "trials.json": done.trials}
    _put(tools, done.parent_id, {"search_history.png": history}, PLOTS)
    _put(tools, done.parent_id, {name: _pretty(body) for name, body in documents.items()}, REPORT)
    measured = {"validation_loss": done.best.loss, "trials_done": float(len(done.trials))}
    tools.registry.log(
        done.parent_id,
        params=done.best.params | data_params(dataset_of(tools.objects, job)),
        metrics=measured,
        tags={"best_run_id": done.best.run_id},
    )


def _put(tools: Tools, run_id: str, files: Mapping[str, bytes], path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, body in files.items():
            (Path(folder) / name).write_bytes(body)
        tools.registry.put_folder(run_id, Path(folder), path)


def _pretty(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _accepted_table(tools: Tools, job: Job, sha256: str | None) -> CleanTable | None:
    contract = job.read_contract
    if sha256 is None:
        return None
    try:
        return feature_store.load(tools.objects, contract, sha256)
    except (NotFound, InvalidTable):  # gone, or from before the contract changed: nothing to compare with
        return None
