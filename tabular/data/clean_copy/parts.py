"""Where the clean copy of a version lies, and whether it is whole.

    <version>/clean/<digest>/00000.parquet   the first rows, and so on
    <version>/clean/<digest>/index.json      the sha256 and the rows of each part; written last

The digest is of all that decides what cleaning gives: the contract, how the file is written, and the code that does it.
So no copy is ever out of date; one that is missing or damaged is no fault, for the original has all of it.
"""

from __future__ import annotations

import hashlib
import logging
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
from tabular.data.table import CleanTable
from tabular.errors import NotFound
from tabular.ports.objects import Objects

INDEX = "index.json"
CLEANING = ("contract", "data", "encoding")
"""The packages whose code decides what becomes of a cell."""

log = logging.getLogger(__name__)


class Part(msgspec.Struct, frozen=True):
    """One file of consecutive rows: how many, and the sha256 of its bytes."""

    rows: int
    sha256: str


class Index(msgspec.Struct, frozen=True):
    """What a clean copy consists of, in order, and which rows of the original are not in it."""

    parts: tuple[Part, ...]
    dropped: DroppedRows
    rows_left_out: int


def put_copy(
    objects: Objects,
    version: str,
    contract: Contract,
    written_as: SourceOptions,
    table: CleanTable,
    part_rows: int = PART_ROWS,
) -> None:
    """Keep the table that the contract makes of a version; `version` is the version's prefix. Raises Unavailable."""
    folder = _folder(version, contract, written_as)
    parts = []
    for number, (rows, body) in enumerate(to_parts(table, part_rows)):
        objects.put(part_key(folder, number), body)
        parts.append(Part(rows, hashlib.sha256(body).hexdigest()))
    objects.put(folder + INDEX, msgspec.json.encode(Index(tuple(parts), table.dropped, table.rows_left_out)))


def find_copy(objects: Objects, version: str, contract: Contract, written_as: SourceOptions) -> CleanTable | None:
    """The kept table; None if there is none or it is damaged. Raises Unavailable."""
    folder = _folder(version, contract, written_as)
    try:
        index = msgspec.json.decode(objects.get(folder + INDEX), type=Index)
        bodies = [_part(objects, part_key(folder, number), part) for number, part in enumerate(index.parts)]
        found = from_parts(contract, bodies)
        return replace(found, dropped=index.dropped, rows_left_out=index.rows_left_out)
    except NotFound:
        return None
    except (msgspec.MsgspecError, _Damaged, pa.ArrowException, KeyError, ValueError) as error:
        log.warning("the clean copy %s is damaged (%s): the original is read instead", folder, error)
        return None


def part_key(folder: str, number: int) -> str:
    """The key of a part, by its position."""
    return f"{folder}{number:05d}.parquet"


def _part(objects: Objects, key: str, part: Part) -> bytes:
    body = objects.get(key)
    if hashlib.sha256(body).hexdigest() != part.sha256:
        raise _Damaged(f"{key} is not what was written")
    return body


class _Damaged(Exception):
    """A part is another than its index says."""


def _folder(version: str, contract: Contract, written_as: SourceOptions) -> str:
    content = msgspec.json.encode([contract.digest, written_as, code_digest(), _libraries()], order="deterministic")
    return f"{version}clean/{hashlib.sha256(content).hexdigest()}/"


@cache
def code_digest() -> str:
    """The digest of the code that reads and cleans."""
    root = Path(__file__).parents[2]
    files = sorted(path for name in CLEANING for path in (root / name).rglob("*.py"))
    content = hashlib.sha256()
    for path in files:
        content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()


def _libraries() -> list[str]:
    return [np.__version__, pa.__version__, pd.__version__]
