"""Test rows that are copies of training rows, distinguished from rows that are equal because few values exist.

Where rows are equal by coincidence, rows that differ in one input alone are frequent too. A row that equals another in
every input and the target, and has no such neighbor, is no coincidence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from tabular.contract.types import Contract
from tabular.data.table import CleanTable, encode
from tabular.encoding.row import Matrix

ID_SHARE = 0.95
"""An input with so many different values among the rows may be an id: rows that differ in it alone are equal."""

Hashes = NDArray[np.uint64]


def copied_rows(contract: Contract, parts: Split) -> NDArray[np.bool_]:
    """For each test row whether it is a copy of a training row: equal in every input and the target, without neighbors.

    Inputs that are nearly unique and whole numbers or categories are left out, for a copy may have a new id.
    """
    known, fresh = (_inputs(contract, part) for part in (parts.train, parts.test))
    kept = [at for at in range(known.shape[1]) if not is_like_an_id(known[:, at])]
    known_cells, fresh_cells = (_hashed(side[:, kept]) for side in (known, fresh))
    known_rows, fresh_rows = known_cells.sum(axis=1), fresh_cells.sum(axis=1)
    equal = _counts(known_rows, fresh_rows)
    is_alone = np.ones(len(fresh), dtype=bool)
    for at in range(len(kept)):
        but_one = _counts(known_rows - known_cells[:, at], fresh_rows - fresh_cells[:, at])
        is_alone &= but_one == equal
    same_target = _counts(_with_target(known_rows, parts.train), _with_target(fresh_rows, parts.test))
    return np.asarray((same_target > 0) & is_alone)


def _inputs(contract: Contract, table: CleanTable) -> Matrix:
    return encode(contract, table.features)


def is_like_an_id(column: NDArray[np.float32]) -> bool:
    """True for whole numbers, or codes, of which nearly each stands once."""
    there = column[~np.isnan(column)]
    is_whole = bool(len(there)) and bool((there == np.floor(there)).all())
    return is_whole and len(np.unique(there)) > ID_SHARE * len(there)


def _hashed(cells: NDArray[np.float32]) -> Hashes:
    """Each cell as a random number of 64 bits, one for each value of each column, so that rows are sums of them."""
    bits = (cells + 0.0).view(np.uint32).astype(np.uint64)  # adding 0 makes -0.0 and 0.0 one
    bits[np.isnan(cells)] = np.uint64(2**32)
    salt = np.random.default_rng(0).integers(1, 2**63, size=cells.shape[1], dtype=np.uint64) * np.uint64(2)
    return _mixed(bits + salt)


def _mixed(bits: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _with_target(rows: Hashes, table: CleanTable) -> Hashes:
    return rows + _mixed(table.target.to_numpy(dtype=np.float64).view(np.uint64))


def _counts(known: Hashes, fresh: Hashes) -> NDArray[np.int64]:
    """How many of the known hashes equal each fresh one."""
    ordered = np.sort(known)
    return np.searchsorted(ordered, fresh, side="right") - np.searchsorted(ordered, fresh, side="left")
