"""How a table's models are searched: the families, the limits of rounds, and the ranges of their hyperparameters.

The contract's `[training]` is a `Training`; `SPACES` has the dimensions of each family and their default ranges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import msgspec

Family = Literal["xgboost", "forest", "linear", "lightgbm"]
FAMILIES: tuple[Family, ...] = get_args(Family)
DEFAULT_FAMILIES: tuple[Family, ...] = ("xgboost",)
BOOSTED: tuple[Family, ...] = ("xgboost", "lightgbm")
"""The families that are fitted round after round, until validation stops improving."""
TREES: tuple[Family, ...] = ("xgboost", "forest", "lightgbm")
"""The families of trees, which can take categories as such."""
Categories = Literal["codes", "native", "search"]
MOST_ROUNDS = 10_000

Range = tuple[float, float]


class Dimension(NamedTuple):
    """One hyperparameter: the range that is searched by default, and the lowest and the highest value there may be."""

    searched: Range
    allowed: Range
    is_log: bool = False
    is_whole: bool = False


_BOOSTING_RATE = Dimension((0.03, 0.2), (1e-3, 1.0), is_log=True)
_DEPTH = Dimension((2, 8), (1, 16), is_whole=True)
_SHARE_OF_ROWS = Dimension((0.5, 1.0), (0.05, 1.0))
_SHARE_OF_COLUMNS = Dimension((0.4, 1.0), (0.05, 1.0))
_L2 = Dimension((0.01, 30.0), (1e-6, 1e6), is_log=True)
_L1 = Dimension((0.001, 10.0), (1e-6, 1e6), is_log=True)

SPACES: Mapping[Family, Mapping[str, Dimension]] = {
    "xgboost": {
        "learning_rate": _BOOSTING_RATE,
        "max_depth": _DEPTH,
        "min_child_weight": Dimension((0.5, 30.0), (1e-6, 1e6), is_log=True),
        "subsample": _SHARE_OF_ROWS,
        "colsample_bytree": _SHARE_OF_COLUMNS,
        "reg_lambda": _L2,
        "reg_alpha": _L1,
        "gamma": Dimension((0.001, 5.0), (1e-6, 1e6), is_log=True),
    },
    "forest": {
        "max_depth": Dimension((4, 12), (1, 16), is_whole=True),
        "min_child_weight": Dimension((0.5, 30.0), (1e-6, 1e6), is_log=True),
        "subsample": Dimension((0.4, 0.9), (0.05, 1.0)),
        "colsample_bynode": Dimension((0.2, 0.9), (0.05, 1.0)),
        "reg_lambda": Dimension((0.001, 10.0), (1e-6, 1e6), is_log=True),
    },
    "linear": {"l2_penalty": Dimension((0.01, 1_000.0), (1e-6, 1e9), is_log=True)},
    "lightgbm": {
        "learning_rate": _BOOSTING_RATE,
        "num_leaves": Dimension((4, 128), (2, 4_096), is_log=True, is_whole=True),
        "min_data_in_leaf": Dimension((2, 100), (1, 1e6), is_log=True, is_whole=True),
        "bagging_fraction": _SHARE_OF_ROWS,
        "feature_fraction": _SHARE_OF_COLUMNS,
        "lambda_l2": _L2,
        "lambda_l1": _L1,
        "min_gain_to_split": Dimension((0.001, 5.0), (1e-6, 1e6), is_log=True),
    },
}
"""The dimensions of each family, by the name of its library's parameter."""


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How models of the table are searched.

    `families` are those that a sweep chooses among; the setting FAMILIES goes before it. A boosted model has at most
    `max_rounds` trees (a class), fewer if validation has not improved for `patience_rounds`; a forest has `trees`.
    The table of a family has ranges [lowest, highest] by hyperparameter, in the place of those of `SPACES`; an equal
    pair fixes it. `categories` says how trees take inputs of kind category: as their codes, as their library's own
    categories (`native`), or as whichever of the two does better on validation (`search`); ordinals and booleans are
    codes in any case.

    With `calibrated` every score that is served, stored or measured is a calibrated probability, by the calibration in
    the model's bundle; else it is the model's own, and the calibration serves for estimates of its quality alone.
    """

    families: tuple[Family, ...] = ()
    max_rounds: int = 2_000
    patience_rounds: int = 25
    trees: int = 200
    categories: Categories = "codes"
    calibrated: bool = False
    xgboost: dict[str, Range] = {}
    forest: dict[str, Range] = {}
    linear: dict[str, Range] = {}
    lightgbm: dict[str, Range] = {}

    def given(self, family: Family) -> dict[str, Range]:
        """The ranges that the contract names for a family."""
        found: dict[str, Range] = getattr(self, family)
        return found

    def ranges(self, family: Family) -> dict[str, Range]:
        """The range of every hyperparameter of a family: the contract's, or the default."""
        return {name: dimension.searched for name, dimension in SPACES[family].items()} | self.given(family)

    def fixed(self, family: Family) -> frozenset[str]:
        """The hyperparameters of a family that have one value only."""
        return frozenset(name for name, (low, high) in self.given(family).items() if low == high)


def training_faults(training: Training, *, has_classes: bool) -> list[str]:
    """What is wrong with `[training]`, by its keys."""
    faults = []
    if training.calibrated and not has_classes:
        faults.append("training.calibrated: probabilities are calibrated, and a regression has none. Leave it out")
    faults += [
        f"training.families: {family} is there more than once"
        for family in sorted(set(training.families))
        if training.families.count(family) > 1
    ]
    limits = {"max_rounds": MOST_ROUNDS, "patience_rounds": MOST_ROUNDS, "trees": MOST_ROUNDS}
    faults += [
        f"training.{name}: must be from 1 to {most:,}, not {value:,}"
        for name, most in limits.items()
        if not 1 <= (value := getattr(training, name)) <= most
    ]
    return faults + [
        f"training.{family}.{name}: {fault}"
        for family in FAMILIES
        for name, given in training.given(family).items()
        if (fault := _range_fault(family, name, given))
    ]


def _range_fault(family: Family, name: str, given: Range) -> str:
    dimension = SPACES[family].get(name)
    if dimension is None:
        return f"is no hyperparameter that is searched for {family}. There are: {', '.join(SPACES[family])}"
    low, high = given
    least, most = dimension.allowed
    if not (math.isfinite(low) and math.isfinite(high) and least <= low <= high <= most):
        return f"must be [lowest, highest] within {least:g} to {most:g}, not [{low:g}, {high:g}]"
    if dimension.is_whole and not (low.is_integer() and high.is_integer()):
        return f"takes whole numbers, not [{low:g}, {high:g}]"
    return ""
