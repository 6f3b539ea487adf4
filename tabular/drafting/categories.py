"""What a drafted contract says because of categories: which are learnt, slices, and how trees take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabular.contract.features import DEFAULT_LEAST_COUNT, Feature
from tabular.contract.training import Training
from tabular.data.categories.learning import MOST_CATEGORIES
from tabular.drafting.choice import Choice
from tabular.drafting.column import ColumnProfile, share

MAX_SLICE_CATEGORIES = 10
MAX_SLICES = 8
MANY_CATEGORIES = 100
TRAINING_SHARE = 0.6
"""The share of the rows that a training learns from, unless the contract says otherwise."""
LEAST_LEARNT = 0.2
"""So large a share of the rows has a category that is frequent enough, or the column is left out."""


def training(features: Sequence[Feature]) -> Training:
    """Where a category has many values whose order means nothing, validation decides how trees take categories."""
    has_many = any(
        one.learns_categories or (one.kind == "category" and len(one.categories) > MANY_CATEGORIES) for one in features
    )
    return Training(categories="search") if has_many else Training()


def slices(features: Sequence[Feature]) -> tuple[str, ...]:
    """The features by whose few categories the metrics are told too."""
    listed = [one for one in features if one.has_categories and not one.learns_categories]
    few = [one for one in listed if len(one.categories) <= MAX_SLICE_CATEGORIES]
    return tuple(one.name for one in few[:MAX_SLICES])


def learnt_choice(column: ColumnProfile, name: str, categories: Mapping[str, int]) -> Choice:
    """A category that is learnt, or why the column is left out: too few of its rows have a frequent one.

    `categories` has the rows of each.
    """
    least = DEFAULT_LEAST_COUNT
    while sum(rows >= least for rows in categories.values()) > MOST_CATEGORIES:
        least *= 2
    wanted = least / TRAINING_SHARE
    rows = sum(each for each in categories.values() if each >= wanted)
    if rows < LEAST_LEARNT * column.known:
        return Choice(
            column.name,
            left_out=f"{len(categories):,} categories, of which those with {wanted:.0f} rows or more are only in "
            f"{share(rows, column.known)}: group them, and take the groups in as a feature",
        )
    example = max(categories, key=lambda each: categories[each])
    feature = Feature(name, column.name, "category", example=example, least_count=least)
    return Choice(
        column.name,
        feature,
        (
            f"{len(categories):,} categories: a training learns those with {least} of its rows or more, and what else "
            f"comes is missing to the model. About {share(rows, column.rows)} have one that is learnt",
        ),
    )
