"""A table's file as it can be read in batches: a Parquet file, or a CSV in UTF-8. Others are copied into one first.

What is copied is packed files, text in another encoding, and text whose cells are parted by spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tabular.contract.source import Separator, SourceOptions
from tabular.data.formats.csv_layout import BEGINNING_BYTES
from tabular.data.formats.packed import packing_of, unpacked_chunks
from tabular.data.formats.separator import SPACE, separator_of, single_spaced
from tabular.data.formats.text import beginning_of, decoded_chunks, encoding_of, no_utf_8, what_is_no_text
from tabular.data.sniffing import BINARY, SNIFFED_BYTES, name_of
from tabular.errors import InvalidTable

PARQUET_MAGIC = b"PAR1"
CHUNK_BYTES = 4_000_000


class PlainFile(NamedTuple):
    """Where the file is, and what parts its cells; None for a Parquet file."""

    path: Path
    separator: Separator | None


def plain_file(path: Path, source: SourceOptions, copy: Path) -> PlainFile:
    """The file itself, or else its copy, which is written; raises InvalidTable and OSError.

    A Parquet file says itself how it is written, whatever the contract's `[source]` says of other files.
    """
    beginning = _first_bytes(file_chunks(path), SNIFFED_BYTES)
    is_packed = packing_of(beginning) is not None
    beginning = _first_bytes(_unpacked(path), BEGINNING_BYTES)
    if beginning.startswith(PARQUET_MAGIC):
        return PlainFile(_written(copy, _unpacked(path)) if is_packed else path, None)
    if source.format == "parquet":
        raise InvalidTable('the file is no Parquet file, and the contract\'s [source] says format = "parquet"')
    encoding = encoding_of(beginning, source.encoding)
    if encoding == "utf-8":
        _check_is_text(beginning)
    separator = source.separator or separator_of(beginning_of(beginning, encoding))
    if encoding == "utf-8" and separator != SPACE:
        return PlainFile(_written(copy, _unpacked(path)) if is_packed else path, separator)
    text = decoded_chunks(_unpacked(path), encoding)
    spaced = _single_spaced(text) if separator == SPACE else text
    return PlainFile(_written(copy, (piece.encode() for piece in spaced)), separator)


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file; raises OSError."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _unpacked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        packing = packing_of(file.read(SNIFFED_BYTES))
        if packing is not None:
            yield from unpacked_chunks(file, packing)
            return
    yield from file_chunks(path)


def _first_bytes(chunks: Iterator[bytes], count: int) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) >= count:
            break
    return bytes(found[:count])


def _check_is_text(beginning: bytes) -> None:
    name = what_is_no_text(beginning) or name_of(beginning)
    if name is not None and (b"\0" in beginning[:4] or name == BINARY):
        raise no_utf_8(name, f"it is {name}")


def _single_spaced(texts: Iterable[str]) -> Iterator[str]:
    """The text with single spaces: whole records at a time, so that no quote is cut off from its other one."""
    rest = ""
    for text in texts:
        rest += text
        end = rest.rfind("\n") + 1
        if end and rest.count('"', 0, end) % 2 == 0:
            yield single_spaced(rest[:end])
            rest = rest[end:]
    yield single_spaced(rest)


def _written(copy: Path, chunks: Iterable[bytes]) -> Path:
    with copy.open("wb") as file:
        file.writelines(chunks)
    return copy
