"""The scores of a batch of rows as a table: the row's number, its id, what an endpoint would respond, its warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tabular.batches.arrow_codec import CodedBatch
from tabular.batches.row_batches import RowBatch
from tabular.contract.types import Contract
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.prediction import id_from_file, outcome

ROW, PREDICTION_ID, WARNINGS = "row", "prediction_id", "warnings"


class RowIds(Sequence[str]):
    """The prediction ids of the rows of a file, made when they are asked for: only stored predictions need them."""

    def __init__(self, file_sha256: str, run_id: str, numbers: NDArray[np.int64]) -> None:
        self._known_as = (file_sha256, run_id)
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return RowIds(*self._known_as, self._numbers[at])
        return id_from_file(*self._known_as, int(self._numbers[at]))

    def __iter__(self) -> Iterator[str]:
        return (id_from_file(*self._known_as, number) for number in self._numbers.tolist())


def score_fields(contract: Contract) -> list[pa.Field]:
    """The columns of what an endpoint responds: the score or, of a multiclass model, the class and each probability."""
    target, key = contract.target, contract.reply.prediction_key
    if target.positive is not None or not target.classes:
        return [pa.field(key, pa.float64())]
    return [pa.field(key, pa.string()), *(pa.field(probability_of(each), pa.float64()) for each in target.classes)]


def probability_of(label: str) -> str:
    """The name of the column with the probability of a class."""
    return f"probability {label}"


def score_table(schema: pa.Schema, scored: PredictionBatch, coded: CodedBatch, batch: RowBatch) -> pa.Table:
    """The scores of a batch's valid rows, in the columns of the schema."""
    fields = [name for name in schema.names if name not in {ROW, PREDICTION_ID, WARNINGS, *batch.columns}]
    columns: dict[str, Any] = {ROW: coded.numbers, WARNINGS: _warnings(scored), **_scores(fields, scored)}
    if PREDICTION_ID in schema.names:
        columns[PREDICTION_ID] = list(scored.ids)
    for name in schema.names:
        if name not in columns:
            columns[name] = _as_text(batch.columns[name].take(pa.array(coded.positions)))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _scores(names: Sequence[str], scored: PredictionBatch) -> dict[str, Any]:
    if not scored.classes:
        return {names[0]: scored.scores}
    winners = [outcome(each, scored.classes)[2] for each in scored.scores]
    return dict(zip(names, [winners, *zip(*scored.scores, strict=True)], strict=True))


def _warnings(scored: PredictionBatch) -> pa.Array:
    if not scored.warnings:
        return pa.nulls(len(scored), pa.string())
    found = map(scored.warnings.get, range(len(scored)))
    return pa.array([None if texts is None else "; ".join(texts) for texts in found], pa.string())


def _as_text(column: pa.Array) -> pa.Array:
    """Cells of a CSV as text; what a Parquet file has as it is."""
    if not pa.types.is_binary(column.type):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([cell.decode(errors="replace") for cell in column.to_pylist()], pa.string())
