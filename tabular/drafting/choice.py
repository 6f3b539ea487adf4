"""What is drafted for one column, and the public name it gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tabular.contract.derived import Derived
from tabular.contract.features import Feature


@dataclass(frozen=True)
class Choice:
    """What is drafted for one column: a feature with notes and what is derived from it, or the reason for no feature.

    `is_id` marks the column that may be the table's id, and `is_key` one by which the business may know the row;
    `is_group` marks one whose values stand in several rows each;
    `suspicion` is why a feature is left out although it could be one: it may tell the target. `invalid_rows` are those
    whose cell is no value of the feature; the contract drops them.
    """

    column: str
    feature: Feature | None = None
    notes: tuple[str, ...] = ()
    left_out: str | None = None
    is_id: bool = False
    is_key: bool = False
    is_group: bool = False
    suspicion: str | None = None
    derived: tuple[Derived, ...] = ()
    invalid_rows: int = 0

    @property
    def kept(self) -> Feature | None:
        """The feature of the contract; None for a column that is left out or suspected."""
        return None if self.suspicion else self.feature

    @property
    def names(self) -> tuple[str, ...]:
        """The public names of the feature and of what is derived from it."""
        own = () if self.feature is None else (self.feature.name,)
        return (*own, *(one.name for one in self.derived))


def public_names(columns: Sequence[str]) -> dict[str, str]:
    """A public name for each column: its letters and digits in lower case with underscores between; no two alike."""
    found: dict[str, str] = {}
    for at, column in enumerate(columns, 1):
        words = re.findall(r"\w+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).replace("_", " "))
        found[column] = distinct_name("_".join(words).casefold() or f"column_{at}", found.values())
    return found


def distinct_name(plain: str, taken: Iterable[str]) -> str:
    """The name, or where it is taken the name with the lowest number that makes it another."""
    known, name, more = set(taken), plain, 2
    while name in known:
        name, more = f"{plain}_{more}", more + 1
    return name
