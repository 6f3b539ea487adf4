"""What it costs to measure the quality of a window of labelled predictions, whole and by slice, with its intervals."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np

from benchmarks.harness.figures import Row
from benchmarks.harness.model import CONTRACT, RUN_ID
from benchmarks.harness.results import Table
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.predictions.prediction import Prediction
from tabular.quality.labelled.measured import measured_quality
from tabular.quality.labelled.rows import labelled_rows

ROWS = (1_000, 10_000, 100_000)
TABLE_ROWS, TIMES = 5_000, 3


def costs() -> Table:
    """CPU seconds by the rows of the window, the least of a few."""
    contract = load_contract(CONTRACT)
    found: list[Row] = []
    for rows in ROWS:
        window = _window(contract, rows)
        found.append(
            {"labelled predictions": rows, "CPU seconds": min(_seconds(window, contract) for _ in range(TIMES))}
        )
    slices = ", ".join(contract.table.slice_features)
    notes = (
        f"ROC-AUC and log loss, whole and by slice ({slices}), each with its 95 % interval; from predictions as read."
    )
    return Table("Measuring the quality of a window", found, notes, lines=("labelled predictions", "CPU seconds"))


def _seconds(window: list[Prediction], contract: Contract) -> float:
    began = time.process_time()
    measured_quality(labelled_rows(window, contract), contract)
    return time.process_time() - began


def _window(contract: Contract, rows: int) -> list[Prediction]:
    table, draw = clean(contract, read_table(make_table(contract, TABLE_ROWS, 3)).cells), np.random.default_rng(3)
    records = table.features.astype(object).where(table.features.notna(), None).to_dict("records")
    classes = contract.target.classes
    return [
        Prediction(
            id=str(at),
            made_at=datetime(2026, 1, 1, tzinfo=UTC),
            table=contract.table.name,
            run_id=RUN_ID,
            contract=contract.digest,
            source="api",
            row=records[at % TABLE_ROWS],
            score=score,
            label=classes[int(draw.random() < score)],
        )
        for at, score in enumerate(draw.beta(1, 5, rows).tolist())
    ]
