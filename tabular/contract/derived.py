"""Derived columns as data: model inputs that are computed from features, by a closed list of operations.

What each operation computes is in `docs/reference/contract.md`; `tabular/encoding/operations.py` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import msgspec

InputKind = Literal["integer", "number", "category", "ordinal", "boolean", "datetime"]
DatePart = Literal["hour", "weekday", "month", "day_of_year"]
Operation = Literal[
    "hour",
    "weekday",
    "month",
    "day_of_year",
    "epoch_days",
    "minutes_between",
    "days_between",
    "ratio",
    "difference",
    "product",
    "log",
    "clip",
    "bins",
    "cross",
]
PERIODS: dict[str, tuple[int, int]] = {"hour": (0, 24), "weekday": (0, 7), "month": (1, 12), "day_of_year": (1, 366)}
"""The first value of each part of a date, and after how many it begins anew."""
CALENDAR = frozenset({*PERIODS, "epoch_days"})
DURATIONS = frozenset({"minutes_between", "days_between"})
CROSS_SIGN = " & "


class Derived(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One derived column: `operation` on the columns `of`, which are features or derived columns before this one.

    The parameters belong to one operation each: `cyclic` to the parts of a date, `range` to clip, `edges` to bins,
    `offset` to log. One that is no `model_input` is only there for others to be derived from.
    """

    name: str
    operation: Operation
    of: tuple[str, ...]
    description: str = ""
    cyclic: Literal["sin", "cos"] | None = None
    range: tuple[float, float] | None = None
    edges: tuple[float, ...] = ()
    offset: float = 0.0
    model_input: bool = True


class ModelInput(msgspec.Struct, frozen=True):
    """One column of the model's matrix: a feature or a derived column.

    `categories` are those of a category, an ordinal or a boolean, by their codes. `follows_calendar` says that its
    values change with the date alone, so that a later window always differs from an earlier one.
    """

    name: str
    kind: InputKind
    description: str = ""
    categories: tuple[str, ...] = ()
    follows_calendar: bool = False

    @property
    def is_numeric(self) -> bool:
        """True for integer and number; False for what has categories, and for a datetime."""
        return self.kind in ("integer", "number")

    @property
    def is_nominal(self) -> bool:
        """True for categories without an order; a boolean's two are split alike either way."""
        return self.kind == "category"


def input_of(derived: Derived, known: Mapping[str, ModelInput]) -> ModelInput:
    """The column that is derived; `known` holds what it is derived from, by name."""
    sources = [known[name] for name in derived.of]
    kind, categories = _values(derived, sources)
    is_duration = derived.operation in DURATIONS
    follows = derived.operation in CALENDAR or (not is_duration and any(one.follows_calendar for one in sources))
    return ModelInput(derived.name, kind, derived.description or described(derived), categories, follows)


def described(derived: Derived) -> str:
    """What the column is, in a sentence made of its operation."""
    what = derived.operation.replace("_", " ") + (f", its {derived.cyclic}" if derived.cyclic else "")
    return f"Derived: {what} of {' and '.join(derived.of)}."


def bin_names(edges: tuple[float, ...]) -> tuple[str, ...]:
    """The names of the bins, from the lowest: each holds its lower edge and not its upper one."""
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(edges)]
    return (f"below {edges[0]:g}", *between, f"{edges[-1]:g} and more")


def _values(derived: Derived, sources: list[ModelInput]) -> tuple[InputKind, tuple[str, ...]]:
    """The kind of the column's values, and its categories if it has any."""
    if derived.operation == "bins":
        return "ordinal", bin_names(derived.edges)
    if derived.operation == "cross":
        first, second = (source.categories for source in sources)
        return "category", tuple(f"{one}{CROSS_SIGN}{other}" for one in first for other in second)
    return "integer" if derived.operation in PERIODS and derived.cyclic is None else "number", ()
