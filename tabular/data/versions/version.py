"""One version of a table, as its manifest says."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tabular.contract.source import SourceOptions
from tabular.data.reading import ReadAs
from tabular.data.versions.dvc import DvcLineage
from tabular.data.versions.harvested import Harvested


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a table.

    `contract` is the digest of the contract it was published under; `source` says where the bytes came from.
    `read_as` says how the file was read when it was published last; of its `rows` the contract dropped
    `dropped_rows` as not valid, and left out `rows_left_out` by its `[[filters]]` or its target's `keep`.
    `pristine` is True if they are the public file's own bytes, False if altered, None if the contract has no digest.
    `dvc` is what DVC knows of the file, if that tracked it when the bytes were published last with it.
    `harvested` says of which labelled predictions it was made, and from which version; None for a file's bytes.
    """

    table: str
    sha256: str
    rows: int
    columns: tuple[str, ...]
    contract: str
    created_at: datetime
    source: str
    synthetic: bool = False
    pristine: bool | None = None
    dropped_rows: int = 0
    rows_left_out: int = 0
    read_as: ReadAs = ReadAs(format="csv", encoding="utf-8", separator=",", decimal=".")
    dvc: DvcLineage | None = None
    harvested: Harvested | None = None

    @property
    def written_as(self) -> SourceOptions:
        """The `[source]` by which the file is read again as it was."""
        return self.read_as.named(self.columns)


def read_anew(known: Version, now: Version) -> Version:
    """The known version; where the contract now reads the same bytes in another way, with what it makes of them.

    What DVC knows of the file is the newest that was known.
    """
    known = msgspec.structs.replace(known, dvc=now.dvc or known.dvc)
    read = ("read_as", "rows", "columns", "dropped_rows", "rows_left_out")
    if all(getattr(known, name) == getattr(now, name) for name in read):
        return known
    return msgspec.structs.replace(known, **{name: getattr(now, name) for name in (*read, "contract")})
