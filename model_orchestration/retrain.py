"""Training once more like an old run: the same bytes and settings, and whether the same came out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec

from model_orchestration.code_digest import sweep_digest
from model_orchestration.job import Job, Tools
from model_orchestration.outcome import Evaluation, Sweep
from model_orchestration.search.trial_runs import TrialRun
from model_orchestration.steps import REPORT
from tabular.contract.loading import contract_from_json
from tabular.contract.training import Family
from tabular.data import feature_store
from tabular.errors import NotFound
from tabular.model.bundle_files import FileLimits

READ_LIMITS = FileLimits(
    dict.fromkeys(("contract.json", "trials.json", "evaluation.json"), 50_000_000), total_bytes=100_000_000
)


class Original(msgspec.Struct, frozen=True):
    """An old sweep, by its parent run: its job, its trials, and its best trial on the test rows."""

    parent_id: str
    job: Job
    trials: tuple[TrialRun, ...]
    evaluation: Evaluation


def read_original(tools: Tools, run_id: str) -> Original:
    """Read the sweep that a run is, or is a trial of; raises NotFound if it was not made by this flow."""
    run = tools.registry.run(run_id)
    parent_id = run.parent_id or run_id
    parent = tools.registry.run(parent_id)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            tools.registry.fetch(parent_id, REPORT, READ_LIMITS, folder)
            contract = contract_from_json((folder / "contract.json").read_bytes())
            trials = msgspec.json.decode((folder / "trials.json").read_bytes(), type=tuple[TrialRun, ...])
            evaluation = msgspec.json.decode((folder / "evaluation.json").read_bytes(), type=Evaluation)
        job = Job(
            contract=msgspec.json.encode(contract).decode(),
            data_sha256=parent.tags["data_sha256"],
            seed=int(parent.tags["seed"]),
            # What a time budget cut short is repeated as far as it came.
            trials=len(trials),
            time_budget_seconds=0.0,
            code=sweep_digest(),
            families=msgspec.convert(parent.tags["families"].split(","), tuple[Family, ...]),
            row_shares=int(parent.tags.get("row_shares", "0")),
            synthetic=feature_store.find_version(tools.objects, contract, parent.tags["data_sha256"]).synthetic,
        )
    except (KeyError, FileNotFoundError) as error:
        raise NotFound(f"the run {run_id} is not a whole training of this flow: {error} is not there") from error
    return Original(parent_id, job, trials, evaluation)


def differences(original: Original, swept: Sweep, evaluation: Evaluation) -> list[str]:
    """What did not come out the same, in plain words; empty if every trial and every test metric did, exactly."""
    found = [
        f"trial {old.number}: {what} was {before}, is {after}"
        for old, new in zip(original.trials, swept.trials, strict=True)
        for what, before, after in (("loss", old.loss, new.loss), ("parameters", old.params, new.params))
        if before != after
    ]
    then, now = original.evaluation.metrics, evaluation.metrics
    pairs: list[tuple[str, Any, Any]] = [(name, then.get(name), now.get(name)) for name in sorted({*then, *now})]
    return found + [f"test {name}: was {before}, is {after}" for name, before, after in pairs if before != after]
