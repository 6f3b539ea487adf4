"""What can be wrong with categories that are learnt from the training rows, and with what is derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabular.contract.features import Feature


def learnt_faults(feature: Feature) -> list[str]:
    """What is wrong with `categories = "learn"` and `least_count`; an empty list if nothing is."""
    if feature.least_count is None:
        return []
    if feature.kind != "category":
        why = "the table does not tell the order of an ordinal" if feature.kind == "ordinal" else f"not {feature.kind}"
        return [f'{feature.name}: categories = "learn" and least_count are for kind category: {why}']
    if feature.least_count < 1:
        return [f"{feature.name}: least_count must be a whole number of at least 1, not {feature.least_count}"]
    return []
