"""What a drafted contract says because of the categories of its features: slices, and how trees take them."""

from __future__ import annotations

from collections.abc import Sequence

from tabular.contract.features import Feature
from tabular.contract.training import Training

MAX_SLICE_CATEGORIES = 10
MAX_SLICES = 8
MANY_CATEGORIES = 100


def training(features: Sequence[Feature]) -> Training:
    """Where a category has many values whose order means nothing, validation decides how trees take categories."""
    has_many = any(one.kind == "category" and len(one.categories) > MANY_CATEGORIES for one in features)
    return Training(categories="search") if has_many else Training()


def slices(features: Sequence[Feature]) -> tuple[str, ...]:
    """The features by whose few categories the metrics are told too."""
    few = [one for one in features if one.has_categories and len(one.categories) <= MAX_SLICE_CATEGORIES]
    return tuple(one.name for one in few[:MAX_SLICES])
