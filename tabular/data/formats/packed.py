"""A packed table: gzip, or a zip archive with one file in it. What it unpacks to is bounded."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from tabular.data import sniffing
from tabular.errors import InvalidTable

MAX_UNPACKED_BYTES = 16 * 1024**3
MAX_EXPANSION = 200
"""By how much a file may grow beyond `FREE_BYTES`: text tables pack to a fifth or a twentieth."""
FREE_BYTES = 64 * 1024**2
CHUNK_BYTES = 1024**2
NOT_TABLES = ("__MACOSX/", ".DS_Store")


Packing = Literal["gz", "zip"]


def unpacked(body: bytes) -> tuple[bytes, Packing | None]:
    """The bytes of the table and how they were packed; raises InvalidTable like `unpacked_chunks`."""
    packing = packing_of(body)
    return (body, None) if packing is None else (b"".join(unpacked_chunks(io.BytesIO(body), packing)), packing)


def packing_of(beginning: bytes) -> Packing | None:
    """How a file is packed, by its first bytes; None if it is not."""
    is_packed = beginning.startswith((b"\x1f\x8b", b"PK"))
    name = sniffing.name_of(beginning[: sniffing.SNIFFED_BYTES]) if is_packed else None
    return _PACKINGS.get(name or "")


def unpacked_chunks(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """The bytes of the table that is packed in a file; raises InvalidTable.

    A zip archive must hold one file. A file that grows to more than 200 times its size is not unpacked to the end.
    """
    packed_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        yield from _bounded(_of_gzip(file) if packing == "gz" else _of_zip(file), packed_bytes)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        name = {packing: name for name, packing in _PACKINGS.items()}[packing]
        raise InvalidTable(f"the file is {name} that cannot be unpacked: {error}. Check whether it was cut") from error


_PACKINGS: dict[str, Packing] = {sniffing.GZIP: "gz", sniffing.ZIP: "zip"}


def _of_gzip(file: BinaryIO) -> Iterator[bytes]:
    with gzip.open(file) as unpacked_file:
        while chunk := unpacked_file.read(CHUNK_BYTES):
            yield chunk


def _of_zip(file: BinaryIO) -> Iterator[bytes]:
    with zipfile.ZipFile(file) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        members = [each for each in members if not each.filename.startswith(NOT_TABLES[0])]
        members = [each for each in members if not each.filename.endswith(NOT_TABLES[1])]
        if len(members) != 1:
            names = ", ".join(each.filename for each in members[:5])
            raise InvalidTable(
                f"the file is a zip archive of {len(members)} files ({names}), and a table is one. Unpack it, and name "
                "the one that is the table"
            )
        if members[0].flag_bits & 1:
            raise InvalidTable("the file is a zip archive with a password. Unpack it, and name what was in it")
        with archive.open(members[0]) as member:
            while chunk := member.read(CHUNK_BYTES):
                yield chunk


def _bounded(chunks: Iterator[bytes], packed_bytes: int) -> Iterator[bytes]:
    most = min(MAX_UNPACKED_BYTES, max(FREE_BYTES, MAX_EXPANSION * packed_bytes))
    unpacked_bytes = 0
    for chunk in chunks:
        unpacked_bytes += len(chunk)
        if unpacked_bytes > most:
            raise InvalidTable(
                f"the file has {packed_bytes:,} bytes and unpacks to more than {most:,}, which no table does. If it is "
                "one all the same, unpack it yourself and name what was in it"
            )
        yield chunk
