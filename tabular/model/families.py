"""Which families of models there are: the one place that finds the scorer of a bundle's model by its family's name."""

from __future__ import annotations

from tabular.model.scorer import Scorer


def read_scorer(family: str, model: bytes) -> Scorer:
    """Read the model of a bundle; raises ValueError for an unknown family, or bytes that are no model of it."""
    if family == "xgboost":
        from tabular.model.xgboost import XGBoostScorer

        return XGBoostScorer.from_bytes(model)
    raise ValueError(f"its model is of the family {family!r}; this version reads: xgboost")
