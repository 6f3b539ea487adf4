"""The rows of a sweep as a cluster reads them: each worker takes its share from the clean copy in the feature store.

What travels are the bucket's address, where the copy lies, and row numbers. Shares are of consecutive rows of the file,
so that each worker fetches its part of the copy, and not much of another's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from tabular.contract.types import Contract
from tabular.data.clean_copy.selection import CleanCopy, Rows, selected, stored_copy
from tabular.data.table import CleanTable, encode
from tabular.encoding.row import Matrix
from tabular.ports.objects import Objects


@dataclass(frozen=True)
class RowShare:
    """Some rows of a clean copy, rising 0-based rows of the file; `contract` is that of the model."""

    objects: Objects
    copy: CleanCopy
    contract: Contract
    rows: Rows

    def divided(self, shares: int) -> list[RowShare]:
        """So many shares of about the same size, of consecutive rows each."""
        return [replace(self, rows=rows) for rows in np.array_split(self.rows, shares)]


@dataclass(frozen=True)
class StoredRows:
    """The rows that trials are fitted and validated on, as they lie in the feature store."""

    train: RowShare
    validation: RowShare


def stored_rows(objects: Objects, cleaned_by: Contract, sha256: str, contract: Contract, parts: Split) -> StoredRows:
    """Where the rows of a split of a version lie; `contract` is that of the model, its categories learnt.

    Raises NotFound, Rejected and Unavailable.
    """
    copy = stored_copy(objects, cleaned_by, sha256)
    return StoredRows(*(RowShare(objects, copy, contract, _rows(part)) for part in (parts.train, parts.validation)))


def read_share(share: RowShare) -> tuple[Matrix, NDArray[np.floating[Any]]]:
    """The share as the model's inputs and the target; called on a worker, with its own credentials.

    One part of the copy at a time is in memory. Raises NotFound, Rejected and Unavailable.
    """
    matrix = np.empty((len(share.rows), len(share.contract.inputs)), dtype=np.float32)
    target, filled = np.empty(len(share.rows)), 0
    for table in selected(share.objects, share.contract, share.copy, share.rows):
        end = filled + len(table)
        matrix[filled:end], target[filled:end] = encode(share.contract, table.features), table.target
        filled = end
    return matrix, target


def _rows(part: CleanTable) -> Rows:
    return np.sort(part.features.index.to_numpy().astype(np.int64))
