"""How far probabilities are from the frequencies of what they are about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tabular.quality.metrics import Floats

BINS = 10
"""Bins of equal numbers of rows; the picture of a model's calibration has as many."""


def calibration_error(target: Floats, probabilities: Floats) -> float:
    """The expected calibration error of n probabilities (binary), or the mean of it over the classes of n x classes.

    The mean distance of probability and frequency over bins of equal numbers of rows (Naeini, Cooper and Hauskrecht,
    AAAI 2015; by class: Kull and others, NeurIPS 2019). Of few rows it is above 0 even if every probability is right.
    """
    if probabilities.ndim == 1:
        return _error(target == 1, probabilities)
    columns = enumerate(np.asarray(probabilities).T)
    return float(np.mean([_error(target == code, column) for code, column in columns]))


def _error(happens: NDArray[np.bool_], probabilities: Floats) -> float:
    bins = np.array_split(np.argsort(probabilities, kind="stable"), min(BINS, len(probabilities)))
    distances = [abs(float(np.sum(probabilities[rows]) - happens[rows].sum())) for rows in bins]
    return sum(distances) / len(probabilities)
