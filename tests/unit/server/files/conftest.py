"""A model, and files of rows to score with it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.scoring.model import Model, ready_model
from tabular.batches import csv_batches, row_batches
from tests.conftest import random_records

RUN_ID = "0" * 32


@pytest.fixture
def model(bundle) -> Model:
    return ready_model(RUN_ID, bundle)


@pytest.fixture
def small_batches(monkeypatch):
    """Files of some hundred rows have several parts."""
    monkeypatch.setattr(csv_batches, "BLOCK_BYTES", 4_000)
    monkeypatch.setattr(row_batches, "BATCH_ROWS", 70)


@pytest.fixture
def write_rows(contract, tmp_path) -> Callable[..., Path]:
    """Writes records as a file with the table's own columns, CSV or Parquet by its name."""

    def write(records: list[dict[str, Any]], name: str = "rows.csv") -> Path:
        path = tmp_path / name
        columns = {feature.column: [record[feature.name] for record in records] for feature in contract.features}
        columns = {contract.table.id_column: [f"customer {at}" for at in range(len(records))], **columns}
        if path.suffix == ".parquet":
            pq.write_table(pa.table(columns), path)
            return path
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerows([columns, *zip(*columns.values(), strict=True)])
        return path

    return write


@pytest.fixture
def records(contract) -> list[dict[str, Any]]:
    """Rows with every kind of value that is valid: missing, unknown, and beyond what the model was trained on."""
    made = random_records(contract, 300, seed=7)
    for at, feature in enumerate(contract.features):
        made[at][feature.name] = None
        made[20 + at][feature.name] = feature.ends[0] if feature.is_numeric else "Pink"
        made[40 + at][feature.name] = feature.ends[1] if feature.is_numeric else feature.categories[0].upper()
    return made
