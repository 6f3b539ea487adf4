"""XGBoost and pyarrow by hand: `python -m benchmarks.scoring.peer <folder with the bundle> <file> <output>`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import xgboost as xgb

from benchmarks.harness.model import CONTRACT, RUN_ID
from benchmarks.scoring.ours import report
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract


def main() -> None:
    """Score the file and print seconds, CPU seconds and the peak of memory."""
    folder, file, out = map(Path, sys.argv[1:])
    booster = xgb.Booster({"nthread": len(os.sched_getaffinity(0))})
    booster.load_model(bytearray((folder / "bundles" / RUN_ID / "model.ubj").read_bytes()))
    booster.set_param({"nthread": len(os.sched_getaffinity(0))})
    contract = load_contract(CONTRACT)
    report(lambda: score(booster, contract, file, out))


def score(booster: xgb.Booster, contract: Contract, file: Path, out: Path) -> None:
    """Read, encode, predict, write: as plainly as it goes, without a check."""
    is_csv = file.suffix == ".csv"
    rows = pacsv.read_csv(file) if is_csv else pq.read_table(file)
    matrix = np.empty((len(rows), len(contract.features)), dtype=np.float32)
    for at, feature in enumerate(contract.features):
        column = rows.column(feature.column)
        if not feature.is_numeric:
            column = pc.index_in(column, pa.array(feature.categories))
        matrix[:, at] = column.cast(pa.float32(), safe=False).to_numpy()
    scores = booster.inplace_predict(matrix, missing=np.nan, validate_features=False).astype(np.float64)
    columns = {
        "row": np.arange(1, len(rows) + 1),
        contract.table.id_column: rows.column(contract.table.id_column),
        contract.reply.prediction_key: scores,
    }
    table = pa.table(columns)
    pacsv.write_csv(table, out) if is_csv else pq.write_table(table, out)


if __name__ == "__main__":
    main()
