"""What the calibration of a model's bundle does to its probabilities of the test rows."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tabular.encoding.row import Matrix
from tabular.model.bundle import Bundle
from tabular.model.calibration import CalibratedScorer, Method
from tabular.quality.calibration.error import calibration_error
from tabular.quality.metrics import Floats, metrics

COMPARED = ("log_loss", "brier")
DESCRIPTION = "mlflow.note.content"
"""MLflow's own tag, the description on the page of a run."""


class Reliability(msgspec.Struct, frozen=True):
    """Calibration error, log loss and Brier's score on the test rows: of the model's own scores, and calibrated.

    `is_served` says that the calibrated ones are what is served.
    """

    method: Method
    own: dict[str, float]
    calibrated: dict[str, float]
    is_served: bool = False

    @property
    def tags(self) -> dict[str, str]:
        """The method as a tag of a run, and in words as its description."""
        scores = "calibrated" if self.is_served else "the model's own; the calibration serves for the estimate alone"
        told = (
            f"Calibration: {self.method}, calibration error on test {self.own['calibration_error']:.4f} before and "
            f"{self.calibrated['calibration_error']:.4f} after. Served scores are {scores}. Until labels come, the "
            "monitor and the reports show a quality that is estimated from the scores, not measured, and blind to "
            "concept drift."
        )
        return {"calibration": self.method, DESCRIPTION: told}

    @property
    def logged(self) -> dict[str, float]:
        """It as metrics of a run: `test_calibration_error_own`, `test_calibration_error_calibrated` and so on."""
        return {
            f"test_{name}_{of}": value
            for of, figures in (("own", self.own), ("calibrated", self.calibrated))
            for name, value in figures.items()
        }


class BothScores(NamedTuple):
    """The probabilities of the same rows before and after they are calibrated."""

    own: Floats
    calibrated: Floats


def both_scores(bundle: Bundle, rows: Matrix) -> BothScores | None:
    """Whatever the contract serves; None for a regression."""
    if bundle.contract.table.task == "regression":
        return None
    scorer = bundle.scorer.uncalibrated if isinstance(bundle.scorer, CalibratedScorer) else bundle.scorer
    own = scorer.many(rows)
    return BothScores(own, bundle.calibration.many(own))


def reliability(bundle: Bundle, target: Floats, both: BothScores | None) -> Reliability | None:
    """The figures of both; None for a regression."""
    if both is None:
        return None
    own, calibrated = (_figures(bundle, target, scores) for scores in both)
    return Reliability(bundle.calibration.method, own, calibrated, bundle.contract.training.calibrated)


def _figures(bundle: Bundle, target: Floats, scores: Floats) -> dict[str, float]:
    measured = metrics(bundle.contract.table.task, target, scores)
    return {"calibration_error": calibration_error(target, scores)} | {name: measured[name] for name in COMPARED}
