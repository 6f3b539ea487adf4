"""Every trial as an MLflow run, written while the next trials are fitted."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from model_orchestration.search.candidate import Bundler
from model_orchestration.search.run_lineage import data_params, run_name
from model_orchestration.search.trial import Params, Trial
from tabular.model.calibration import Calibration
from tabular.ports.registry import BUNDLE, Dataset, ModelRegistry
from tabular.quality.metrics import metrics

WRITER_THREADS = 2


class TrialRun(msgspec.Struct, frozen=True):
    """One trial and the run that holds its bundle; `loss` is on validation."""

    number: int
    run_id: str
    loss: float
    rounds: int
    params: Params
    family: str = "xgboost"


class Recorder:
    """Writes trials under a parent run in the background; leave the `with` block to have them all written.

    Raises what the registry raised, at the end of the block. `runs` is in trial order, `best` the trial with the lowest
    loss so far.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        bundler: Bundler,
        parent_id: str,
        tags: Mapping[str, Any],
        dataset: Dataset | None = None,
    ) -> None:
        self.runs: list[TrialRun] = []
        self.best: Trial | None = None
        self._registry = registry
        self._bundler = bundler
        self._parent_id = parent_id
        self._tags = tags
        self._dataset = dataset
        self._writers = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="record")
        self._pending: list[Future[TrialRun]] = []

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._writers.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self.runs = [pending.result() for pending in self._pending]

    def __call__(self, trial: Trial) -> None:
        """Queue one trial."""
        if trial.loss < self.lowest_loss:
            self.best = trial
        self._pending.append(self._writers.submit(self._record, trial))

    @property
    def lowest_loss(self) -> float:
        """The loss of the best trial so far; infinite before the first."""
        return float("inf") if self.best is None else self.best.loss

    def recalibrate(self, calibration: Calibration) -> None:
        """Write the bundle of the best trial anew, with another calibration; the others keep theirs."""
        best = min(self.runs, key=lambda run: run.loss)
        if self.best is not None:
            self._write_bundle(best.run_id, self.best, self._measured(self.best), calibration)

    def _record(self, trial: Trial) -> TrialRun:
        registry = self._registry
        run_id = registry.start_run(self._name(trial), {**self._tags, "trial": trial.number}, self._parent_id)
        found = self._measured(trial)
        self._write_bundle(run_id, trial, found)
        about_data = {} if self._dataset is None else data_params(self._dataset)
        if self._dataset is not None:
            registry.log_dataset(run_id, self._dataset)
        registry.log(run_id, params=trial.params | about_data, metrics=found | {"fit_seconds": trial.fit_seconds})
        registry.finish(run_id)
        return TrialRun(trial.number, run_id, trial.loss, trial.rounds, trial.params, trial.family)

    def _name(self, trial: Trial) -> str:
        what = f"trial {trial.number:03d}"
        return what if self._dataset is None else run_name(self._dataset.name, self._dataset.sha256, what)

    def _measured(self, trial: Trial) -> dict[str, float]:
        """The metrics of the trial's own scores of the validation rows."""
        contract = self._bundler.contract
        scored = (self._bundler.validation_target, trial.validation_scores)
        measured = metrics(contract.table.task, *scored, off_by=contract.off_by_more_than)
        found = {f"validation_{name}": value for name, value in measured.items()}
        return found | {"validation_loss": trial.loss, "rounds": float(trial.rounds)}

    def _write_bundle(
        self, run_id: str, trial: Trial, measured: Mapping[str, float], calibration: Calibration | None = None
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bundle = self._bundler.write(trial, Path(folder), measured, calibration)
            self._registry.put_folder(run_id, Path(folder), BUNDLE)
        self._registry.log(run_id, tags={"calibration": bundle.calibration.method})
