"""Which numbers of a column are valid as they are; every other cell goes to the reader of single values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tabular.contract.canonical import LARGEST_NUMBER
from tabular.contract.features import Feature
from tabular.contract.types import Contract

Accepts = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


def accepts_feature(feature: Feature, contract: Contract) -> Accepts:
    """What says of numbers whether each is a valid value of a numeric feature; NaN and a missing token are none."""
    low, high = feature.ends
    is_missing = _missing(contract)

    def accepts(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            is_valid: NDArray[np.bool_] = (numbers >= low) & (numbers <= high) & ~is_missing(numbers)
            if feature.kind == "integer":
                # A negative zero is the whole number zero; it goes the long way.
                is_valid &= (numbers == np.floor(numbers)) & ~((numbers == 0) & np.signbit(numbers))
        return is_valid

    return accepts


def accepts_target(contract: Contract) -> Accepts:
    """What says of numbers whether each is a valid target of a regression."""
    is_missing = _missing(contract)
    return lambda numbers: (np.abs(numbers) <= LARGEST_NUMBER) & ~is_missing(numbers)


def _missing(contract: Contract) -> Accepts:
    tokens = np.array(sorted(contract.missing_numbers), dtype=np.float64)
    if not tokens.size:
        return lambda numbers: np.zeros(len(numbers), dtype=np.bool_)
    return lambda numbers: np.isin(numbers, tokens)
