"""The table of a harvest: the parent's rows as they came, and the harvested ones behind them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from model_orchestration.data.harvest.cells import PREDICTION_ID
from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract

WRITTEN_AS = SourceOptions(format="parquet")
"""How a harvested version is written whatever its parent is: cells of text that no separator or quote can break."""


class Joined(NamedTuple):
    """The cells of both, how many of the parent's rows are there, and how many gave way to a newer one."""

    cells: pd.DataFrame
    parent_rows: int
    replaced_rows: int


def joined(contract: Contract, parent: pd.DataFrame, harvested: Sequence[dict[str, str]]) -> Joined:
    """The parent's rows without those whose id, or prediction, comes again, and the harvested rows behind them.

    `parent` has cells of text as `read_table` gives them; a column that one side does not have is empty there.
    """
    new = pd.DataFrame(harvested, dtype="str")
    is_replaced = pd.Series(data=False, index=parent.index)
    for name in {contract.table.id_column, PREDICTION_ID} & set(parent.columns) & set(new.columns):
        given = set(new[name]) - {""}
        is_replaced |= parent[name].isin(given)
    kept = parent[~is_replaced]
    cells = pd.concat([kept, new], ignore_index=True).fillna("").astype("str")
    return Joined(cells, len(kept), int(is_replaced.sum()))


def written(cells: pd.DataFrame) -> bytes:
    """The bytes of a Parquet file of these cells; the same cells give the same bytes."""
    columns = {name: pa.array(cells[name], pa.large_string()) for name in cells.columns}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, compression="zstd", store_schema=False)
    return file.getvalue()
