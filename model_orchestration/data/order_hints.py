"""Columns by which rows may be ordered in time, where the contract names none: they are pointed out."""

from __future__ import annotations

from tabular.contract.types import Contract
from tabular.data.rows.source_facts import SourceFacts
from tabular.encoding.values import listed

REMEDY = (
    "If the model is to score rows that come later than those it is trained on, name the column in split.time_column: "
    "a split by seed tests on rows from among the training rows, which can score far better than the future will"
)


def order_warnings(contract: Contract, facts: SourceFacts) -> list[str]:
    """One warning that names the columns of dates, and those in whose order the rows lie; none with a time column."""
    if contract.split.time_column is not None:
        return []
    found = [f"{listed(facts.dates)} holds dates"] if facts.dates else []
    found += [f"the rows lie in the order of {listed(facts.ordered)}"] if facts.ordered else []
    return [f"{', and '.join(found)}. {REMEDY}"] if found else []
