"""The search space of a sweep, as hyperopt takes it: the families to choose among, and each one's hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hyperopt import hp
from hyperopt.pyll import scope

from model_orchestration.search.trial import CATEGORIES, FAMILY
from tabular.contract.training import DEFAULT_FAMILIES, SPACES, TREES, Dimension, Family, Range, Training


def space(
    training: Training, families: Sequence[Family] = DEFAULT_FAMILIES, *, has_nominal: bool = False
) -> Mapping[str, Any] | Any:
    """What a sweep over these families draws from; the number of rounds is not in it, for each trial stops by itself.

    A single family's dimensions have their own names; among several they carry the family's, for two may share a name.
    `has_nominal` says that there are categories without an order, which trees can take in two ways.
    """
    if len(families) == 1:
        return _space_of(training, families[0], "", has_nominal=has_nominal)
    return hp.choice(
        FAMILY, [_space_of(training, family, f"{family}.", has_nominal=has_nominal) for family in families]
    )


def _space_of(training: Training, family: Family, prefix: str, *, has_nominal: bool) -> dict[str, Any]:
    ranges = training.ranges(family)
    drawn = {name: _drawn(prefix + name, dimension, ranges[name]) for name, dimension in SPACES[family].items()}
    if has_nominal and family in TREES and training.categories != "codes":
        is_searched = training.categories == "search"
        drawn[CATEGORIES] = hp.choice(prefix + CATEGORIES, ["codes", "native"]) if is_searched else "native"
    return {FAMILY: family, **drawn}


def _drawn(label: str, dimension: Dimension, limits: Range) -> Any:
    low, high = limits
    if low == high:
        return int(low) if dimension.is_whole else low
    if dimension.is_log and dimension.is_whole:
        return scope.int(hp.qloguniform(label, math.log(low), math.log(high), 1))
    if dimension.is_log:
        return hp.loguniform(label, math.log(low), math.log(high))
    if dimension.is_whole:
        return hp.uniformint(label, int(low), int(high))
    return hp.uniform(label, low, high)
