"""Targets beside scores: of predictions with a true label, and of the held-out rows of a bundle's reference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.encoding.values import class_reader
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, probability_columns
from tabular.predictions.prediction import Prediction
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
    targets, scores = _targets([one.label for one in labelled], contract), scores_of(labelled, contract)
    good = np.isfinite(targets) & are_numbers(scores)
    kept = [prediction for prediction, is_good in zip(labelled, good.tolist(), strict=True) if is_good]
    features = {
        name: pd.Series([prediction.row.get(name) for prediction in kept], dtype=object)
        for name in contract.table.slice_features
    }
    return LabelledRows(pd.DataFrame(features), targets[good], scores[good], len(labelled) - len(kept))


def held_out(reference: pd.DataFrame, contract: Contract) -> LabelledRows:
    """The rows of a bundle's reference that its model was not fitted on: of a small table the others have no score."""
    scored = reference[reference[REFERENCE_SCORE].notna()].reset_index(drop=True)
    scores = scored[list(probability_columns(contract)) or REFERENCE_SCORE].to_numpy(np.float64)
    return LabelledRows(scored, scored[REFERENCE_TARGET].to_numpy(np.float64), scores)


def are_numbers(scores: Floats) -> NDArray[np.bool_]:
    """For each row whether its score, or every one of its probabilities, is a finite number."""
    found = np.isfinite(scores)
    return found if found.ndim == 1 else np.asarray(found.all(axis=1))


def _targets(labels: Sequence[Any], contract: Contract) -> Floats:
    """Each label as the target's number, NaN where it is none; what comes again and again is read once."""
    known = {label: _target(label, contract) for label in set(labels) if isinstance(label, Hashable)}
    return np.array([known[label] for label in labels], dtype=np.float64)


def _target(label: Any, contract: Contract) -> float:
    """1 for the positive class and 0 for the other, the position of a class, or the value."""
    target = contract.target
    if not target.classes:
        is_number = isinstance(label, int | float) and not isinstance(label, bool)
        return float(label) if is_number else np.nan
    if (known := class_reader(target)(label)) is None:
        return np.nan
    return float(known == target.positive) if target.positive is not None else float(target.classes.index(known))


def scores_of(predictions: Sequence[Prediction], contract: Contract) -> Floats:
    """N scores, or n x classes probabilities; a class that a prediction does not have counts as 0."""
    if contract.table.task != "multiclass":
        return np.array([prediction.score for prediction in predictions], dtype=np.float64)
    rows = [[(one.probabilities or {}).get(name, 0.0) for name in contract.target.classes] for one in predictions]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(contract.target.classes))
