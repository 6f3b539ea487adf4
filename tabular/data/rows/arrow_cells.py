"""A column of cells as Arrow has it, where pandas would make an object of each."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa


def arrow_cells(cells: pd.Series[Any]) -> pa.Array:
    """The cells in one piece, None where one is missing."""
    return pa.chunked_array(pa.array(cells, from_pandas=True)).combine_chunks()
