"""The training flow: Prefect's skin over the steps. `python -m model_orchestration.flow --help` for the command line.

A step's result is kept as JSON under a key made of everything it depends on: an unchanged step is not done again.
"""

from __future__ import annotations

from typing import Any

import msgspec
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import Completed

from model_orchestration import retrain as again
from model_orchestration import steps
from model_orchestration.data.checks import CheckReport
from model_orchestration.flows.step_runner import StepRunner, plainly
from model_orchestration.interrupted_runs import FLOW_RUN, as_noted
from model_orchestration.job import Job, as_then, make_job, make_tools
from model_orchestration.outcome import Evaluation, GateResult, Registration, Sweep
from model_orchestration.progress import progress
from model_orchestration.react.finished import note_finished
from model_orchestration.react.scheduled import why_not_now
from model_orchestration.report import Outcome, markdown
from model_orchestration.search.engines import EngineName, ParallelismName
from tabular.errors import Rejected, TabularError
from tabular.settings import load_settings, with_values
from tabular.wiring import Wiring


def _train_name() -> str:
    return f"train {_table(flow_run.parameters.get('table'), flow_run.parameters.get('contract'))}"


def _retrain_name() -> str:
    return f"retrain like {flow_run.parameters.get('like')}"


def _table(table: str | None, contract: str | None) -> str:
    """The name of the table; the file's where it cannot be read, which the flow will say."""
    try:
        return _wired(table, contract=contract).contract.table.name
    except TabularError:
        return table or contract or ""


def _wired(table: str | None = None, **given: object) -> Wiring:
    """The settings with the given ones in their place, for a table that the stack serves; raises InvalidSetting."""
    return Wiring(with_values(load_settings(), **given)).for_table(table or "")


@flow(name="train", flow_run_name=_train_name)
def train(  # noqa: PLR0913, PLR0917 - a form of the Prefect UI
    contract: str | None = None,
    trials: int | None = None,
    seed: int | None = None,
    time_budget_seconds: float | None = None,
    workers: int | None = None,
    engine: EngineName | None = None,
    parallelism: ParallelismName | None = None,
    data_version: str | None = None,
    accept: str | None = None,
    refresh: bool = False,  # noqa: FBT001, FBT002 - a form field of the Prefect UI
    families: str | None = None,
    table: str | None = None,
    if_changed: bool = False,  # noqa: FBT001, FBT002 - a form field of the Prefect UI
) -> Any:
    """Pull, check, split, sweep, evaluate, gate and register; what is not given is as in the settings.

    `table` is the stack's first if none; `data_version` is the sha256 of a version in the feature store, the latest if
    none; `refresh` does every step anew. `accept` is why a model is promoted although a check holds it back.
    With `if_changed`, as the schedule has it, nothing is trained where the policy says so, and the reason is told.
    """
    given: dict[str, Any] = {
        "accept": accept,
        "contract": contract,
        "trials": trials,
        "seed": seed,
        "time_budget_seconds": time_budget_seconds,
        "families": families,
    }
    given |= {"sweep_workers": workers, "sweep_engine": engine, "sweep_parallelism": parallelism}
    about = (table, given, data_version)
    return plainly(lambda: as_noted("train", lambda: _train(*about, refresh=refresh, if_changed=if_changed)))


@flow(name="retrain", flow_run_name=_retrain_name)
def retrain(like: str, workers: int | None = None, engine: EngineName | None = None) -> Any:
    """Train once more on exactly the bytes and settings of an old run, and say whether the same came out.

    Rows that lay on so many Dask workers lie on as many again, whatever is given. No alias is touched: the new runs are
    there to be compared, not to be served.
    """
    given = {"sweep_workers": workers, "sweep_engine": engine}
    return plainly(lambda: as_noted("retrain", lambda: _retrain(like, given)))


def _train(
    table: str | None, given: dict[str, Any], data_version: str | None, *, refresh: bool, if_changed: bool
) -> Any:
    wiring = _wired(table, **given)
    settings, tools = wiring.settings, make_tools(wiring)
    job = _pull(wiring, data_version)
    if if_changed and (why := why_not_now(wiring, job)) is not None:
        get_run_logger().info(why)
        return Completed(message=why)
    synthetic = ", SYNTHETIC data" if job.synthetic else ""
    get_run_logger().info("the table %s, version %s%s", job.read_contract.table.name, job.data_sha256[:12], synthetic)
    runner = StepRunner(settings, tools, job, refresh=refresh)
    accepted = steps.accepted_version(tools, job)
    report = runner.step(
        "check", CheckReport, [job.about_data, accepted], lambda: steps.check_step(tools, job, accepted)
    )
    _warn(report)
    runner.step("split", dict[str, int], [job.about_split], lambda: steps.split_step(tools, job))
    swept = _sweep(runner, {})
    evaluation = runner.step("evaluate", Evaluation, [job, swept], lambda: steps.evaluate_step(tools, job, swept))
    other = steps.champion(tools, except_run_id=swept.best.run_id)
    result = runner.step("gate", GateResult, [job, swept, other], lambda: steps.gate_step(tools, job, swept, other))
    done = runner.step(
        "register",
        Registration,
        None,
        lambda: steps.register_step(tools, job, swept, result, report, accept=settings.accept),
    )
    if done.held_back is not None:
        get_run_logger().warning(done.held_back)
    made = (result.gate, done.alias, done.version, done.held_back, done.accepted, done.waits_for)
    page = tools.registry.url(swept.parent_id)
    outcome = Outcome(job, swept, evaluation, *made, tuple(runner.reused), page=page, warnings=report.warnings)
    for one in result.gate.rejections:
        get_run_logger().warning("gate: %s: %s. %s", one.name, one.why, one.remedy)
    note_finished(tools.objects, job)
    return _published(outcome)


def _retrain(like: str, given: dict[str, Any]) -> dict[str, Any]:
    wiring = _wired(**given, sweep_parallelism="trials")
    original = again.read_original(make_tools(wiring), like)
    job = original.job
    settings = as_then(wiring.settings, job)
    tools = make_tools(Wiring(settings, job.read_contract))
    runner = StepRunner(settings, tools, job, refresh=True)
    report = runner.step("check", CheckReport, [job.about_data], lambda: steps.check_step(tools, job, None))
    _warn(report)
    swept = _sweep(runner, {"retrain_like": like})
    evaluation = runner.step("evaluate", Evaluation, [job, swept], lambda: steps.evaluate_step(tools, job, swept))
    differing = again.differences(original, swept, evaluation)
    tools.registry.log(swept.parent_id, tags={"reproduced": not differing})
    page = tools.registry.url(swept.parent_id)
    outcome = Outcome(job, swept, evaluation, like=original.parent_id, differing=tuple(differing), page=page)
    return _published(msgspec.structs.replace(outcome, warnings=report.warnings))


def _warn(report: CheckReport) -> None:
    """Show the warnings about the table at once, for the sweep takes long and may fail."""
    for text in report.warnings:
        get_run_logger().warning("data: %s", text)
    if report.warnings:
        page = "\n".join(f"- {text}" for text in report.warnings)
        create_markdown_artifact(page, key="data-warnings", description="Warnings about the table")


def _pull(wiring: Wiring, data_version: str | None) -> Job:
    @task(name="pull")
    def pull() -> Any:
        return plainly(lambda: msgspec.to_builtins(make_job(wiring, data_version)), Rejected)

    return msgspec.convert(pull(), Job)


def _sweep(runner: StepRunner, tags: dict[str, Any]) -> Sweep:
    def work() -> Sweep:
        with progress(runner.job.trials) as on_trial:
            return steps.sweep_step(runner.tools, runner.job, tags | {FLOW_RUN: flow_run.id}, on_trial)

    swept = runner.step("sweep", Sweep, [runner.job], work)
    if "sweep" in runner.reused and not steps.is_there(runner.tools, swept):
        get_run_logger().warning("the runs of the kept sweep are gone from MLflow: sweeping again")
        runner.reused.remove("sweep")
        runner.refresh = True
        swept = runner.step("sweep", Sweep, [runner.job], work)
    return swept


def _published(outcome: Outcome) -> dict[str, Any]:
    create_markdown_artifact(markdown(outcome), key="training-result", description="The summary of the training run")
    found: dict[str, Any] = msgspec.to_builtins(outcome)
    return found


if __name__ == "__main__":
    import sys

    from model_orchestration.cli import main

    sys.exit(main(train, retrain))
