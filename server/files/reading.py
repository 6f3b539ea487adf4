"""A file as one model reads it: what it is, which of its columns are the features, and its rows in batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from server.files.table import PREDICTION_ID, ROW, WARNINGS, score_fields
from server.scoring.model import Model
from tabular.batches.arrow_codec import ArrowCodec
from tabular.batches.csv_batches import PIECE_BYTES
from tabular.batches.row_batches import BATCH_ROWS, RowBatch
from tabular.batches.table_file import TableFile

READER = f"pyarrow {pa.__version__}, pieces of {PIECE_BYTES} bytes, {BATCH_ROWS} rows"
"""What decides where one batch ends and the next begins."""


class Reading:
    """One file under one model's contract, whose `[source]` says how it is written. Threads may share it."""

    def __init__(self, model: Model, file: Path, copy: Path) -> None:
        """Find out how the file is written; raises InvalidTable naming the columns it lacks, and OSError.

        A file that cannot be read in batches as it lies there is written to `copy` in another form.
        """
        contract = model.bundle.contract
        self._file = TableFile(file, contract.source, copy)
        names = self._file.names
        self.codec = ArrowCodec(contract, names)
        self._scores = score_fields(contract)
        taken = {ROW, WARNINGS, PREDICTION_ID, *(field.name for field in self._scores)}
        known_as = self.codec.key_source or contract.table.id_column
        self.id_column = known_as if known_as in names and known_as not in taken else None

    def batches(self) -> Iterator[RowBatch]:
        """Its rows with the columns that are needed; raises InvalidTable where it cannot be read further."""
        return self._file.batches(
            list(dict.fromkeys([*self.codec.sources, *filter(None, (self.codec.key_source, self.id_column))]))
        )

    @cached_property
    def _id_type(self) -> pa.DataType:
        return self._file.type_of(self.id_column or "")

    def schema(self, *, with_ids: bool) -> pa.Schema:
        """The columns of the scores; `with_ids` says whether the id of each stored prediction is one."""
        fields = [pa.field(ROW, pa.int64())]
        if self.id_column is not None:
            fields.append(pa.field(self.id_column, self._id_type))
        fields += self._scores
        if with_ids:
            fields.append(pa.field(PREDICTION_ID, pa.string()))
        return pa.schema([*fields, pa.field(WARNINGS, pa.string())])
