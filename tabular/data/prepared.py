"""A table that was read and cleaned once, for all who need it: the checks, and the feature store."""

from __future__ import annotations

from dataclasses import dataclass

from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract
from tabular.data.reading import ReadAs, read_table
from tabular.data.rows.source_facts import SourceFacts, source_facts
from tabular.data.table import CleanTable, clean
from tabular.errors import InvalidTable


@dataclass(frozen=True, kw_only=True)
class ExaminedTable:
    """What the contract makes of a table, a clean one or what is wrong with it, and the facts of its cells."""

    facts: SourceFacts
    table: CleanTable | None
    error: InvalidTable | None = None

    @property
    def required(self) -> CleanTable:
        """The clean table; raises InvalidTable if there is none."""
        if self.table is None:
            raise self.error or InvalidTable("the table is not valid under its contract")
        return self.table


@dataclass(frozen=True, kw_only=True)
class PreparedTable(ExaminedTable):
    """A table as it was just read: its bytes too, the names of its columns, and how it was read.

    Its cells are given up, for they take more memory than the bytes and the clean table together.
    """

    body: bytes
    columns: tuple[str, ...]
    read_as: ReadAs


def prepare(contract: Contract, body: bytes, written_as: SourceOptions | None = None) -> PreparedTable:
    """Read a table, written as the contract or `written_as` says, and clean it.

    Raises InvalidTable only for bytes that cannot be read as a table.
    """
    cells, read_as = read_table(body, written_as or contract.source)
    facts = source_facts(contract, cells)  # before there is a second table in memory
    table = error = None
    try:
        table = clean(contract, cells)
    except InvalidTable as found:
        error = found.detached()
    if table is not None and len(table) < len(cells):
        facts = source_facts(contract, cells, table.features.index)
    columns = tuple(cells.columns)
    return PreparedTable(facts=facts, table=table, error=error, body=body, columns=columns, read_as=read_as)
