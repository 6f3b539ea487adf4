"""The quality of each run's window, estimated before labels come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabular.model.bundle import Bundle
from tabular.predictions.prediction import Prediction
from tabular.quality.estimate import Estimate, Estimator, NoEstimate, estimator_of
from tabular.quality.labelled.targets import are_numbers, scores_of

SHOWN = ("roc_auc", "log_loss")


class QualityEstimates:
    """Estimates windows of `min_rows` or more; what it needs to know of a run's bundle it finds out once."""

    def __init__(self, min_rows: int) -> None:
        self._min_rows = min_rows
        self._known: dict[str, Estimator | NoEstimate] = {}

    def of(self, run_id: str, bundle: Bundle, predictions: Sequence[Prediction]) -> Mapping[str, Estimate]:
        """The estimates of the metrics that are shown; none for few predictions, or where there is no estimate."""
        if len(predictions) < self._min_rows:
            return {}
        estimator = self._known.get(run_id) or estimator_of(bundle)
        self._known[run_id] = estimator
        if isinstance(estimator, NoEstimate):
            return {}
        scores = scores_of(predictions, bundle.contract)
        found = estimator.estimate(scores[are_numbers(scores)])
        return {name: found[name] for name in SHOWN if name in found}

    def forget_all_but(self, run_ids: set[str]) -> None:
        """Keep nothing of runs that are no longer monitored."""
        self._known = {run_id: one for run_id, one in self._known.items() if run_id in run_ids}
