"""Where the clean copy of a version lies, and whether it is whole.

    <version>/clean/<code>/<digest>/00000.parquet   the first rows, and so on
    <version>/clean/<code>/<digest>/index.json      the sha256 and the rows of each part; written last

The digests are of all that decides what cleaning gives: the code that does it, the contract, and how the file is read.
So no copy is ever out of date; one that is missing or damaged is no fault, for the original has all of it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract
from tabular.data.clean_copy.parquet import PART_ROWS, from_parts, to_parts
from tabular.data.invalid_cells import DroppedRows
from tabular.data.prepared import ExaminedTable
from tabular.data.rows.source_facts import SourceFacts
from tabular.errors import NotFound
from tabular.ports.objects import Objects

CLEAN, INDEX = "clean/", "index.json"
CLEANING = ("contract", "data", "encoding")
"""The packages whose code decides what becomes of a cell."""
CODE_DIGITS = 12

log = logging.getLogger(__name__)


class Part(msgspec.Struct, frozen=True):
    """One file of consecutive rows: how many, the 0-based row of the original of the first, the sha256 of its bytes."""

    rows: int
    first_row: int
    sha256: str


class Index(msgspec.Struct, frozen=True):
    """What a clean copy consists of, in order, which rows of the original are not in it, and the facts of its cells."""

    parts: tuple[Part, ...]
    dropped: DroppedRows
    rows_left_out: int
    facts: SourceFacts


def put_copy(
    objects: Objects,
    version: str,
    contract: Contract,
    written_as: SourceOptions,
    examined: ExaminedTable,
    part_rows: int = PART_ROWS,
) -> None:
    """Keep the table that the contract makes of a version; `version` is the version's prefix.

    Raises Unavailable, and InvalidTable if there is no clean table.
    """
    table, folder, parts = examined.required, copy_folder(version, contract, written_as), []
    for number, (rows, body) in enumerate(to_parts(table, part_rows)):
        objects.put(part_key(folder, number), body)
        first_row = int(table.features.index[number * part_rows]) if rows else 0
        parts.append(Part(rows, first_row, hashlib.sha256(body).hexdigest()))
    index = Index(tuple(parts), table.dropped, table.rows_left_out, examined.facts)
    objects.put(folder + INDEX, msgspec.json.encode(index))


def find_copy(objects: Objects, version: str, contract: Contract, written_as: SourceOptions) -> ExaminedTable | None:
    """The kept table with the facts of its file; None if there is none or it is damaged. Raises Unavailable."""
    folder = copy_folder(version, contract, written_as)
    try:
        index = find_index(objects, folder)
        found = from_parts(contract, sum(part.rows for part in index.parts), _bodies(objects, folder, index))
    except NotFound:
        return None
    except DAMAGES as error:
        log.warning("the clean copy %s is damaged (%s): the original is read instead", folder, error)
        return None
    table = replace(found, dropped=index.dropped, rows_left_out=index.rows_left_out)
    return ExaminedTable(facts=index.facts, table=table)


def find_index(objects: Objects, folder: str) -> Index:
    """The index of the copy in a folder; raises NotFound, msgspec's error for what is none, and Unavailable."""
    return msgspec.json.decode(objects.get(folder + INDEX), type=Index)


def part_key(folder: str, number: int) -> str:
    """The key of a part, by its position."""
    return f"{folder}{number:05d}.parquet"


def part_body(objects: Objects, folder: str, number: int, part: Part) -> bytes:
    """The bytes of a part; raises DamagedPartError, NotFound and Unavailable."""
    body = objects.get(part_key(folder, number))
    if hashlib.sha256(body).hexdigest() != part.sha256:
        raise DamagedPartError(f"{part_key(folder, number)} is not what was written")
    return body


def _bodies(objects: Objects, folder: str, index: Index) -> Iterator[bytes]:
    for number, part in enumerate(index.parts):
        yield part_body(objects, folder, number, part)


class DamagedPartError(Exception):
    """A part is another than its index says."""


DAMAGES = (msgspec.MsgspecError, DamagedPartError, pa.ArrowException, KeyError, ValueError)
"""What reading a copy that is not as it was written may end with."""


def copy_folder(version: str, contract: Contract, written_as: SourceOptions) -> str:
    """Where the copy lies that the contract and this code make of a version with this prefix."""
    content = msgspec.json.encode([contract.digest, written_as], order="deterministic")
    return f"{copies_of_this_code(version)}{hashlib.sha256(content).hexdigest()}/"


def copies_of_this_code(version: str) -> str:
    """What the keys of all copies that this code reads of a version with this prefix begin with."""
    content = msgspec.json.encode([code_digest(), np.__version__, pa.__version__, pd.__version__])
    return f"{version}{CLEAN}{hashlib.sha256(content).hexdigest()[:CODE_DIGITS]}/"


@cache
def code_digest() -> str:
    """The digest of the code that reads and cleans."""
    root = Path(__file__).parents[2]
    files = sorted(path for name in CLEANING for path in (root / name).rglob("*.py"))
    content = hashlib.sha256()
    for path in files:
        content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()
