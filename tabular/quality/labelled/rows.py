"""Targets beside scores: of predictions with a true label, and of the held-out rows of a bundle's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, probability_columns
from tabular.predictions.prediction import Prediction
from tabular.quality.labelled.targets import are_numbers, scores_of, targets
from tabular.quality.metrics import Floats


@dataclass(frozen=True)
class LabelledRows:
    """N rows: `target` as `metrics` takes it (codes, or values), `scores` n, or n x classes, and the slice features.

    `unreadable` counts labels that are no class, or no number, of the contract, and scores that are no number.
    """

    features: pd.DataFrame
    target: Floats
    scores: Floats
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.target)


def labelled_rows(predictions: Sequence[Prediction], contract: Contract) -> LabelledRows:
    """The predictions whose label is known, in their order; those without one are left out, and not counted."""
    labelled = [prediction for prediction in predictions if prediction.label is not None]
    target, scores = targets([one.label for one in labelled], contract), scores_of(labelled, contract)
    good = np.isfinite(target) & are_numbers(scores)
    kept = [prediction for prediction, is_good in zip(labelled, good.tolist(), strict=True) if is_good]
    features = {
        name: pd.Series([prediction.row.get(name) for prediction in kept], dtype=object)
        for name in contract.table.slice_features
    }
    return LabelledRows(pd.DataFrame(features), target[good], scores[good], len(labelled) - len(kept))


def held_out(reference: pd.DataFrame, contract: Contract) -> LabelledRows:
    """The rows of a bundle's reference that its model was not fitted on: of a small table the others have no score."""
    scored = reference[reference[REFERENCE_SCORE].notna()].reset_index(drop=True)
    scores = scored[list(probability_columns(contract)) or REFERENCE_SCORE].to_numpy(np.float64)
    return LabelledRows(scored, scored[REFERENCE_TARGET].to_numpy(np.float64), scores)
