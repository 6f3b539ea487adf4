"""What scoring a file leaves: the scores, the faults, and a summary, each whole or not there at all."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tabular.errors import Fault, Rejected

FAULT_COLUMNS = ("row", "field", "problem", "allowed", "value")


class Format(StrEnum):
    """The kind of a file of scores, by the end of its name."""

    CSV = ".csv"
    PARQUET = ".parquet"


def format_of(out: Path) -> Format:
    """The format that the name of the output asks for; raises Rejected for another."""
    try:
        return Format(out.suffix.lower())
    except ValueError as error:
        raise Rejected(f"out={out}: the name has to end with .csv or .parquet, which says what is written") from error


def faults_path(out: Path) -> Path:
    """Where the faults of the rows go."""
    return out.with_name(f"{out.stem}.faults.csv")


def summary_path(out: Path) -> Path:
    """Where the summary goes."""
    return out.with_name(f"{out.stem}.summary.json")


def write_scores(table: pa.Table, path: Path, kind: Format) -> None:
    """Write the scores of one part; of a CSV without the header. Raises OSError."""
    if kind is Format.PARQUET:
        pq.write_table(table, path)
    else:
        pacsv.write_csv(table, path, pacsv.WriteOptions(include_header=False))


def write_faults(faults: Sequence[Fault], path: Path) -> None:
    """Write the faults of one part, without the header; raises OSError."""
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.writer(file)
        for fault in faults:
            given = "" if fault.given is None else fault.given
            rows.writerow([fault.row, fault.field, fault.problem, fault.allowed, given])


def join_scores(parts: Sequence[Path], schema: pa.Schema, out: Path, kind: Format) -> None:
    """Make one file of the parts, and publish it; raises OSError."""
    if kind is Format.PARQUET:

        def write(path: Path) -> None:
            with pq.ParquetWriter(path, schema) as writer:
                for part in parts:
                    writer.write_table(pq.read_table(part, schema=schema))

    else:

        def write(path: Path) -> None:
            pacsv.write_csv(schema.empty_table(), path)
            _append(path, parts)

    _publish(out, write)


def join_faults(parts: Iterable[Path], out: Path) -> None:
    """Make one file of the faults, and publish it; raises OSError."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(FAULT_COLUMNS)
        _append(path, parts)

    _publish(out, write)


def publish_bytes(body: bytes, out: Path) -> None:
    """Write a small file and publish it; raises OSError."""
    _publish(out, lambda path: Path.write_bytes(path, body))


def _append(path: Path, parts: Iterable[Path]) -> None:
    with path.open("ab") as file:
        for part in parts:
            with part.open("rb") as read:
                shutil.copyfileobj(read, file, 1_000_000)


def _publish(out: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file and rename: who reads sees the old one or the whole new one, also after a power failure."""
    draft = out.with_name(f".{out.name}.draft")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(out)
