"""Rows of equal content in two parts of a table."""

from __future__ import annotations

from model_orchestration.data.split import Split
from tabular.data.table import CleanTable


def identical_rows(split: Split) -> int:
    """How many test rows have the content of a training row: natural where few values exist, so it rejects nothing."""
    known = set(contents(split.train))
    return sum(content in known for content in contents(split.test))


def contents(table: CleanTable) -> list[tuple[object, ...]]:
    """Each row of a table as plain values, target last: equal rows are equal."""
    rows = table.features.astype(object).where(table.features.notna(), None)
    return list(zip(*(rows[name] for name in rows.columns), table.target, strict=True))
