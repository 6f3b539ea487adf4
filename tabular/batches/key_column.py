"""The business keys of a file's rows, read as those of requests are: what can be none is a fault of its row.

A column of keys is as good as always without fault, and its keys are needed only for predictions that are stored. So
its bytes are looked at together, and a key is made when it is asked for.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.encoding.business_key import LARGEST_KEY, MAX_KEY_CHARACTERS, key_reader
from tabular.errors import Fault

SPACE, DELETE = 0x20, 0x7F


class KeyColumn:
    """Reads the business keys of one contract from the columns of its files."""

    def __init__(self, contract: Contract) -> None:
        self._read = key_reader(contract)

    def faults(self, column: pa.Array) -> dict[int, Fault]:
        """What is no key, by position."""
        if _is_plain(column):
            return {}
        outcomes = enumerate(map(self._outcome, column.to_pylist()))
        return {at: found for at, found in outcomes if isinstance(found, Fault)}

    def keys(self, column: pa.Array, positions: NDArray[np.int64]) -> list[str | None]:
        """The keys at these positions; None where there is none, or a fault."""
        outcomes = map(self._outcome, column.take(pa.array(positions)).to_pylist())
        return [None if isinstance(found, Fault) else found for found in outcomes]

    def _outcome(self, raw: object) -> str | Fault | None:
        return self._read(raw.decode(errors="replace") if isinstance(raw, bytes) else raw)


def _is_plain(column: pa.Array) -> bool:
    """True if every cell is short ASCII text without control characters, or a whole number that is exact."""
    if pa.types.is_integer(column.type):
        ends = pc.min_max(column).as_py()
        return ends["min"] is None or bool(ends["min"] >= -LARGEST_KEY and ends["max"] <= LARGEST_KEY)
    if not (pa.types.is_binary(column.type) or pa.types.is_string(column.type)):
        return False
    if (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_KEY_CHARACTERS:
        return False
    *_, data = column.buffers()
    text = np.frombuffer(data or b"", dtype=np.uint8)
    return not ((text < SPACE) | (text >= DELETE)).any()
