"""Learns the categories of a contract's features from training rows, and from no other.

What has learnt categories and met fewer training rows than its least count, or none, is an unknown category: missing
to the model, and counted. So the codes are the same in training, at both endpoints and in files.
"""

from __future__ import annotations

import msgspec
import pandas as pd

from tabular.contract.canonical import canonical
from tabular.contract.features import OUR_CATEGORIES, Feature
from tabular.contract.types import Contract
from tabular.data.table import CleanTable
from tabular.errors import Fault

MOST_CATEGORIES = 10_000
"""More learnt categories are no feature but an identifier, and a list too long to be read."""


def learnt(contract: Contract, train: CleanTable) -> Contract:
    """The contract with the categories of `categories = "learn"` as the training rows have them, perhaps none.

    What was learnt before is learnt anew; the same rows in any order give the same categories in the same order.
    """
    if not any(feature.learns_categories for feature in contract.features):
        return contract
    features = tuple(
        feature if feature.least_count is None else _with(feature, _frequent(train, feature.name, feature.least_count))
        for feature in contract.features
    )
    return msgspec.structs.replace(contract, features=features)


def learning_faults(contract: Contract) -> list[Fault]:
    """The features of a contract that was learnt whose categories are none, or more than 10,000."""
    return [
        _fault(feature)
        for feature in contract.features
        if feature.learns_categories and not 0 < len(feature.categories) <= MOST_CATEGORIES
    ]


def rare_share(feature: Feature, values: pd.Series[str]) -> float:
    """The share of rows whose category has fewer of these rows than the feature's least count."""
    counts = values.value_counts()
    return float(counts[counts < (feature.least_count or 0)].sum() / max(len(values), 1))


def _frequent(train: CleanTable, name: str, least_count: int) -> list[str]:
    counts = train.features[name].value_counts()
    frequent = {str(text) for text in counts.index[counts >= least_count]} - OUR_CATEGORIES
    forms = {text: canonical(text) for text in frequent}
    # Numbers by their size and before texts, as a person would list them.
    return sorted(frequent, key=lambda text: (isinstance(forms[text], str), forms[text]))


def _with(feature: Feature, categories: list[str]) -> Feature:
    known = set(map(canonical, categories))
    is_known = isinstance(feature.example, str) and canonical(feature.example) in known
    example = feature.example if is_known or not categories else categories[0]
    return msgspec.structs.replace(feature, categories=tuple(categories), example=example)


def _fault(feature: Feature) -> Fault:
    if feature.categories:
        found, remedy = f"has {len(feature.categories):,} categories", f"at most {MOST_CATEGORIES:,}: raise least_count"
    else:
        found, remedy = "has no category", "one at least: lower least_count"
    problem = f"{found} that {feature.least_count:,} training rows or more have"
    return Fault(feature.column, problem, f"{remedy} in the contract, or take the feature out")
