"""A table that was read and cleaned once, for all who need it: the checks, and the feature store."""

from __future__ import annotations

from dataclasses import dataclass

from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract
from tabular.data.reading import RawTable, read_table
from tabular.data.table import CleanTable, clean
from tabular.errors import InvalidTable


@dataclass(frozen=True)
class PreparedTable:
    """The bytes of a table, its cells, and what the contract makes of them: a clean table, or what is wrong."""

    body: bytes
    raw: RawTable
    table: CleanTable | None
    error: InvalidTable | None = None

    @property
    def required(self) -> CleanTable:
        """The clean table; raises InvalidTable if there is none."""
        if self.table is None:
            raise self.error or InvalidTable("the table is not valid under its contract")
        return self.table


def prepare(contract: Contract, body: bytes, written_as: SourceOptions | None = None) -> PreparedTable:
    """Read a table, written as the contract or `written_as` says, and clean it.

    Raises InvalidTable only for bytes that cannot be read as a table.
    """
    raw = read_table(body, written_as or contract.source)
    try:
        return PreparedTable(body, raw, clean(contract, raw.cells))
    except InvalidTable as error:
        return PreparedTable(body, raw, None, error.detached())
