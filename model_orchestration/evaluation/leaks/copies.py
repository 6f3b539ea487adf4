"""Test rows that are copies of training rows, distinguished from rows that are equal because few values exist.

Where rows are equal by coincidence, rows that differ in one input alone are frequent too. A row that equals another in
every input and the target, and has no such neighbor, is no coincidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from tabular.contract.types import Contract
from tabular.data.rows.hashes import Hashes, mixed, salts
from tabular.data.table import CleanTable, encode
from tabular.encoding.row import Matrix

ID_SHARE = 0.95
"""An input with so many different values among the rows may be an id: rows that differ in it alone are equal."""


def copied_rows(contract: Contract, parts: Split) -> NDArray[np.bool_]:
    """For each test row whether it is a copy of a training row: equal in every input and the target, without neighbors.

    Inputs that are nearly unique and whole numbers or categories are left out, for a copy may have a new id.
    """
    known, fresh = (encode(contract, part.features) for part in (parts.train, parts.test))
    kept = [at for at in range(known.shape[1]) if not is_like_an_id(known[:, at])]
    # Column by column, and each once more in the end: the hashes of all cells would take twice the inputs' memory.
    known_rows, fresh_rows = (sum(_hashed(side, kept), np.zeros(len(side), np.uint64)) for side in (known, fresh))
    equal = _counts(known_rows, fresh_rows)
    is_alone = np.ones(len(fresh), dtype=bool)
    for known_cells, fresh_cells in zip(_hashed(known, kept), _hashed(fresh, kept), strict=True):
        is_alone &= _counts(known_rows - known_cells, fresh_rows - fresh_cells) == equal
    same_target = _counts(_with_target(known_rows, parts.train), _with_target(fresh_rows, parts.test))
    return np.asarray((same_target > 0) & is_alone)


def is_like_an_id(column: NDArray[np.float32]) -> bool:
    """True for whole numbers, or codes, of which nearly each stands once."""
    there = column[~np.isnan(column)]
    is_whole = bool(len(there)) and bool((there == np.floor(there)).all())
    return is_whole and len(np.unique(there)) > ID_SHARE * len(there)


def _hashed(inputs: Matrix, columns: Sequence[int]) -> Iterator[Hashes]:
    """The cells of each of these columns as numbers whose sum stands for a row."""
    for at, salt in zip(columns, salts(len(columns)), strict=True):
        bits = (inputs[:, at] + 0.0).view(np.uint32).astype(np.uint64)  # adding 0 makes -0.0 and 0.0 one
        bits[np.isnan(inputs[:, at])] = np.uint64(2**32)
        yield mixed(bits + salt)


def _with_target(rows: Hashes, table: CleanTable) -> Hashes:
    return rows + mixed(table.target.to_numpy(dtype=np.float64).view(np.uint64))


def _counts(known: Hashes, fresh: Hashes) -> NDArray[np.int64]:
    """How many of the known hashes equal each fresh one."""
    ordered = np.sort(known)
    return np.searchsorted(ordered, fresh, side="right") - np.searchsorted(ordered, fresh, side="left")
