"""A file as one model reads it: what it is, which of its columns are the features, and its rows in batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from server.files.table import PREDICTION_ID, ROW, WARNINGS, score_fields
from server.scoring.model import Model
from tabular.batches.arrow_codec import ArrowCodec
from tabular.batches.csv_batches import BLOCK_BYTES, csv_batches, csv_columns
from tabular.batches.row_batches import (
    BATCH_ROWS,
    RowBatch,
    identity,
    is_parquet,
    parquet_batches,
    parquet_columns,
    parquet_type,
)

READER = f"pyarrow {pa.__version__}, {BLOCK_BYTES} bytes, {BATCH_ROWS} rows"
"""What decides where one batch ends and the next begins."""


class Reading:
    """One file under one model's contract. Threads may share it."""

    def __init__(self, model: Model, file: Path) -> None:
        """Read the file once for what it is; raises InvalidTable naming the columns it lacks, and OSError."""
        self._file = file
        self._is_parquet = is_parquet(file)
        contract = model.bundle.contract
        names = parquet_columns(file) if self._is_parquet else csv_columns(file)
        self.codec = ArrowCodec(contract, names)
        self._scores = score_fields(contract)
        taken = {ROW, WARNINGS, PREDICTION_ID, *(field.name for field in self._scores)}
        known_as = contract.table.id_column
        self.id_column = known_as if known_as in names and known_as not in taken else None
        self._identity = identity(file)

    @property
    def sha256(self) -> str:
        """The sha256 of the file's bytes."""
        return self._identity.sha256

    def batches(self) -> Iterator[RowBatch]:
        """Its rows with the columns that are needed; raises InvalidTable where it cannot be read further."""
        wanted = list(dict.fromkeys([*self.codec.sources, *([self.id_column] if self.id_column else [])]))
        if self._is_parquet:
            return parquet_batches(self._file, wanted)
        return csv_batches(self._file, wanted, self._identity.quotes)

    @cached_property
    def _id_type(self) -> pa.DataType:
        return parquet_type(self._file, self.id_column or "") if self._is_parquet else pa.string()

    def schema(self, *, with_ids: bool) -> pa.Schema:
        """The columns of the scores; `with_ids` says whether the id of each stored prediction is one."""
        fields = [pa.field(ROW, pa.int64())]
        if self.id_column is not None:
            fields.append(pa.field(self.id_column, self._id_type))
        fields += self._scores
        if with_ids:
            fields.append(pa.field(PREDICTION_ID, pa.string()))
        return pa.schema([*fields, pa.field(WARNINGS, pa.string())])
