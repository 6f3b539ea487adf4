"""Rows as numbers of 64 bits: equal rows have equal ones, and others practically never do.

Each value of each column is a random number, and a row is their sum. So a row without one of its columns is a
difference, and no row needs be held as an object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

MISSING = np.uint64(0x7FF8_0000_0000_0000)


def salts(columns: int) -> Hashes:
    """A number for each column, by which equal values of two columns become different ones."""
    return np.random.default_rng(0).integers(1, 2**63, size=columns, dtype=np.uint64) * np.uint64(2)


def mixed(bits: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def row_hashes(columns: list[pd.Series[Any]]) -> Hashes:
    """The rows of columns of one length; missing values are equal to one another, and so are 0 and -0."""
    hashes = np.zeros(len(columns[0]), dtype=np.uint64)
    for salt, values in zip(salts(len(columns)), columns, strict=True):
        hashes += mixed(_bits(values) + salt)
    return hashes


def _bits(values: pd.Series[Any]) -> Hashes:
    if pd.api.types.is_float_dtype(values):
        bits = (values.to_numpy(np.float64) + 0.0).view(np.uint64).copy()
    elif pd.api.types.is_datetime64_any_dtype(values):
        bits = values.to_numpy().astype(np.int64).view(np.uint64).copy()
    else:
        bits = pd.util.hash_array(values.to_numpy(dtype=object))
    bits[values.isna().to_numpy()] = MISSING
    return bits
