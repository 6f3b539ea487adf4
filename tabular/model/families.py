"""Which families of models there are: the one place that finds the scorer of a bundle's model by its family's name."""

from __future__ import annotations

from tabular.model.bundle_files import MODEL_FILES
from tabular.model.non_negative import NonNegativeScorer
from tabular.model.scorer import Scorer


def read_scorer(family: str, model: bytes, *, non_negative: bool = False) -> Scorer:
    """Read the model of a bundle; raises ValueError for an unknown family, or bytes that are no model of it.

    With `non_negative` (`[target] non_negative` of the contract) its scores below 0 are 0.
    """
    scorer = _read(family, model)
    return NonNegativeScorer(scorer) if non_negative else scorer


def _read(family: str, model: bytes) -> Scorer:
    if family in {"xgboost", "forest"}:
        from tabular.model.xgboost import XGBoostScorer

        return XGBoostScorer.from_bytes(model, family)
    if family == "linear":
        from tabular.model.linear import LinearScorer

        return LinearScorer.from_bytes(model)
    if family == "lightgbm":
        from tabular.model.lightgbm import LightGBMScorer

        return LightGBMScorer.from_bytes(model)
    raise ValueError(unknown_family(family))


def model_file(family: str) -> str:
    """The name of the file in which a bundle keeps a model of this family; raises ValueError for an unknown one."""
    if family not in MODEL_FILES:
        raise ValueError(unknown_family(family))
    return MODEL_FILES[family]


def unknown_family(family: str) -> str:
    """What is said of a family that this version does not read."""
    return f"its model is of the family {family[:100]!r}; this version reads: {', '.join(MODEL_FILES)}"
