"""Some rows of a clean copy, for who must not hold all of them: only the parts in which they lie are fetched.

What travels to such a reader is where the copy lies and which rows are wanted, never a row.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.data.clean_copy.parquet import from_parts
from tabular.data.clean_copy.parts import DAMAGES, Part, copy_folder, find_index, part_body
from tabular.data.feature_store import find_version, version_prefix
from tabular.data.table import CleanTable
from tabular.errors import NotFound, Rejected
from tabular.ports.objects import Objects

Rows = NDArray[np.int64]
REMEDY = "Publish the table again with `make init_aws`, which makes a new one"


class CleanCopy(msgspec.Struct, frozen=True):
    """Where a clean copy lies, and of what parts it consists."""

    folder: str
    parts: tuple[Part, ...]


def stored_copy(objects: Objects, contract: Contract, sha256: str) -> CleanCopy:
    """The clean copy that a contract made of a version; raises NotFound, Rejected and Unavailable."""
    version = find_version(objects, contract, sha256)
    folder = copy_folder(version_prefix(contract, sha256), contract, version.written_as)
    try:
        return CleanCopy(folder, find_index(objects, folder).parts)
    except NotFound as error:
        raise NotFound(f"there is no clean copy {folder} in the feature store. {REMEDY}") from error
    except msgspec.MsgspecError as error:
        raise Rejected(f"the clean copy {folder} is damaged ({error}). {REMEDY}") from error


def selected(objects: Objects, contract: Contract, copy: CleanCopy, rows: Rows) -> Iterator[CleanTable]:
    """These rows of a copy, part by part; `rows` are rising 0-based rows of the original.

    `contract` is the one that the copy was made under, its categories perhaps learnt since. Raises NotFound,
    Unavailable, and Rejected for a copy that was damaged or does not have such a row.
    """
    starts = np.searchsorted(rows, [part.first_row for part in copy.parts])
    for number, (part, start, end) in enumerate(zip(copy.parts, starts, [*starts[1:], len(rows)], strict=True)):
        if start == end:
            continue
        try:
            body = part_body(objects, copy.folder, number, part)
            table = from_parts(contract, part.rows, [body], part.first_row)
        except DAMAGES as error:
            raise Rejected(f"the clean copy {copy.folder} is damaged ({error}). {REMEDY}") from error
        wanted, index = rows[start:end], table.features.index.to_numpy()
        found = np.minimum(np.searchsorted(index, wanted), len(index) - 1)
        if not np.array_equal(index[found], wanted):
            raise Rejected(f"the clean copy {copy.folder} lacks rows that were split. {REMEDY}")
        yield table.take(found)
