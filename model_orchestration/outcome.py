"""What the steps of a training hand on: small, JSON-able, and enough to find the big things."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from model_orchestration.evaluation.comparison import Difference
from model_orchestration.evaluation.evidence import GateReport, SliceDifference
from model_orchestration.evaluation.reliability import Reliability
from model_orchestration.search.trial_runs import TrialRun
from tabular.quality.interval import Interval
from tabular.quality.slices import Slice


class Sweep(msgspec.Struct, frozen=True):
    """A finished sweep: its parent run and its trials in order; no address, which may be another next time."""

    parent_id: str
    trials: tuple[TrialRun, ...]

    @property
    def best(self) -> TrialRun:
        """The trial with the lowest validation loss; of equals, the first."""
        return min(self.trials, key=lambda trial: trial.loss)


class CrossValidation(msgspec.Struct, frozen=True):
    """A small table measured by cross-validation: each row by a model of the same settings fitted without it."""

    folds: int
    repeats: int
    metrics: dict[str, float]
    intervals: dict[str, Interval]


class Evaluation(msgspec.Struct, frozen=True):
    """The best model on the untouched test rows; `threshold` is the best for F1 on validation.

    `intervals` has the two ends of each metric's 95 % interval. Of a small table the figures to go by are
    `cross_validation`, which rests on all of its rows. `reliability` is there for probabilities.
    """

    run_id: str
    metrics: dict[str, float]
    threshold: float | None
    slices: tuple[Slice, ...]
    intervals: dict[str, Interval] = {}
    cross_validation: CrossValidation | None = None
    reliability: Reliability | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its runs: how the scores are calibrated."""
        return {} if self.reliability is None else self.reliability.tags

    @property
    def logged(self) -> dict[str, float]:
        """The metrics of a run: `test_roc_auc`, the ends of its interval `test_roc_auc_low` and `_high`, and `cv_`."""
        found = _logged("test", self.metrics, self.intervals)
        found |= {} if self.reliability is None else self.reliability.logged
        again = self.cross_validation
        return found if again is None else found | _logged("cv", again.metrics, again.intervals)


def _logged(of: str, metrics: Mapping[str, float], intervals: Mapping[str, Interval]) -> dict[str, float]:
    ends = {
        f"{of}_{name}_{end}": value
        for name, interval in intervals.items()
        for end, value in zip(("low", "high"), interval, strict=True)
    }
    return {f"{of}_{name}": value for name, value in metrics.items()} | ends


class Registration(msgspec.Struct, frozen=True):
    """What became of the best model: its alias, None for a version without one, and its model version.

    `held_back` says why a passed one is no champion, `waits_for` what a challenger's promotion depends on, `accepted`
    what would have held it back, and why it did not.
    """

    alias: str | None
    version: str
    held_back: str | None = None
    accepted: str | None = None
    waits_for: str | None = None


class GateResult(msgspec.Struct, frozen=True):
    """The gate's report and the comparison with the champion it rests on."""

    gate: GateReport
    against_champion: tuple[Difference, ...]
    slices_against_champion: tuple[SliceDifference, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """It as tags of a run or a model version."""
        reasons = "; ".join(f"{one.name}: {one.why}" for one in self.gate.rejections)
        asked = "; ".join(self.gate.questions)
        return {
            "gate": "passed" if self.gate.passed else "rejected",
            "gate_reasons": reasons,
            "leak_questions": asked,
        }
