"""A packed table: gzip, or a zip archive with one file in it. What it unpacks to is bounded."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import BinaryIO

from tabular.data import sniffing
from tabular.errors import InvalidTable

MAX_UNPACKED_BYTES = 16 * 1024**3
MAX_EXPANSION = 200
"""By how much a file may grow beyond `FREE_BYTES`: text tables pack to a fifth or a twentieth."""
FREE_BYTES = 64 * 1024**2
CHUNK_BYTES = 1024**2
NOT_TABLES = ("__MACOSX/", ".DS_Store")


def unpacked(body: bytes) -> tuple[bytes, str | None]:
    """The bytes of the table and how they were packed, "gz", "zip" or None; raises InvalidTable.

    A zip archive must hold one file. A file that grows to more than 200 times its size is not unpacked to the end.
    """
    name = sniffing.name_of(body[: sniffing.SNIFFED_BYTES]) if body[:2] in (b"\x1f\x8b", b"PK") else None
    try:
        if name == sniffing.GZIP:
            with gzip.open(io.BytesIO(body)) as file:
                return _read(file, len(body)), "gz"  # type: ignore[arg-type]  # a GzipFile reads as any binary file
        if name == sniffing.ZIP:
            return _member(body), "zip"
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InvalidTable(f"the file is {name} that cannot be unpacked: {error}. Check whether it was cut") from error
    return body, None


def _member(body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
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
        with archive.open(members[0]) as file:
            return _read(file, len(body))  # type: ignore[arg-type]  # a ZipExtFile reads as any binary file


def _read(file: BinaryIO, packed_bytes: int) -> bytes:
    most = min(MAX_UNPACKED_BYTES, max(FREE_BYTES, MAX_EXPANSION * packed_bytes))
    found = bytearray()
    while chunk := file.read(CHUNK_BYTES):
        found += chunk
        if len(found) > most:
            raise InvalidTable(
                f"the file has {packed_bytes:,} bytes and unpacks to more than {most:,}, which no table does. If it is "
                "one all the same, unpack it yourself and name what was in it"
            )
    return bytes(found)
