"""The features of a contract: the fields of a request, and the values that each may take."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec

from tabular.contract.canonical import FALSE, TRUE, canonical
from tabular.contract.derived import ModelInput

Kind = Literal["integer", "number", "category", "ordinal", "boolean", "datetime"]
TimeZone = Literal["none", "UTC"]
DEFAULT_LEAST_COUNT = 20
OUR_CATEGORIES = frozenset({"(missing)", "(unknown)"})
"""What drift calls the values that are no category."""
if TYPE_CHECKING:
    Categories = tuple[str, ...]
else:
    Categories = tuple[str, ...] | Literal["learn"]  # the word is in files alone: `__post_init__` sees to it
EXAMPLES: dict[TimeZone, str] = {"none": "2024-05-31T14:05:00", "UTC": "2024-05-31T14:05:00Z"}


class Synthetic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the generator of synthetic rows draws a feature, and how it pulls on the target.

    `quantiles` (numbers, evenly spaced from the minimum to the maximum) or `shares` (one weight a category, in order);
    `between` are the first and the last day of a datetime;
    `effect` is the pull on the target's log-odds per standard deviation, or from one category to the next.
    """

    quantiles: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    between: tuple[date, date] | None = None
    missing_share: float = 0.0
    effect: float = 0.0


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a request: its public name, its source column, and the values it may take.

    `range` is the plausible range, both ends included; the range seen in training is kept in the bundle.
    `categories` are texts, of an ordinal in rising order. What is read as one of them is told by its
    canonical form (`tabular.contract.canonical`), so that no two may have the same. `time_zone` of a datetime says
    whether its texts have one. What is no `model_input` is asked for because something is derived from it.
    Of a boolean `categories` are the table's words for false and true, in this order; they may be left out. With the
    word "learn" they are those that `least_count` training rows have at least: none until a training has learnt them
    (`tabular/data/categories`).
    Read `about` and `sample` for what is shown to people: they stand in where the file has no description or example.
    """

    name: str
    column: str
    kind: Kind
    description: str = ""
    example: int | float | str | None = None
    range: tuple[float, float] | None = None
    categories: Categories = ()
    least_count: int | None = None
    time_zone: TimeZone = "none"
    model_input: bool = True
    synthetic: Synthetic = Synthetic()

    def __post_init__(self) -> None:
        given: object = self.categories
        if given == "learn":
            least = DEFAULT_LEAST_COUNT if self.least_count is None else self.least_count
            msgspec.structs.force_setattr(self, "categories", ())
            msgspec.structs.force_setattr(self, "least_count", least)
        elif self.is_boolean and not self.categories:
            msgspec.structs.force_setattr(self, "categories", (FALSE, TRUE))

    @property
    def is_numeric(self) -> bool:
        """True for integer and number; False for what has categories, and for a datetime."""
        return self.kind in ("integer", "number")

    @property
    def is_boolean(self) -> bool:
        """True for a boolean: two categories, of which no other is accepted."""
        return self.kind == "boolean"

    @property
    def is_datetime(self) -> bool:
        """True for a datetime: never an input of a model by itself."""
        return self.kind == "datetime"

    @property
    def has_zone(self) -> bool:
        """True for a datetime whose texts have a time zone."""
        return self.time_zone == "UTC"

    @property
    def has_categories(self) -> bool:
        """True for a category, an ordinal and a boolean."""
        return not self.is_numeric and not self.is_datetime

    @property
    def learns_categories(self) -> bool:
        """True if its categories are those of the training rows, whether or not they were learnt yet."""
        return self.least_count is not None

    @property
    def is_unlearnt(self) -> bool:
        """True if its categories are still to be learnt: then any text is one."""
        return self.learns_categories and not self.categories

    @property
    def column_of_matrix(self) -> ModelInput:
        """The feature as a column that a model sees, or that another is derived from."""
        return ModelInput(self.name, self.kind, self.about, self.categories, self.is_datetime)

    @property
    def about(self) -> str:
        """The description; without one, the name as words."""
        return self.description or f"{self.name[:1].upper()}{self.name[1:].replace('_', ' ')}."

    @property
    def sample(self) -> int | float | str:
        """The example; without one, a date, the middle of the range or the first category."""
        if self.example is not None:
            return self.example
        if self.is_datetime:
            return EXAMPLES[self.time_zone]
        if not self.is_numeric:
            return "any text" if self.is_unlearnt else self.categories[0]
        low, high = self.ends
        middle = low + (high - low) / 2
        return math.floor(middle) if self.kind == "integer" else middle

    @property
    def ends(self) -> tuple[int | float, int | float]:
        """The lowest and the highest number that the feature may be: whole ones of an integer."""
        low, high = self.range or (-math.inf, math.inf)
        return (math.ceil(low), math.floor(high)) if self.kind == "integer" else (low, high)

    @property
    def has_numerals(self) -> bool:
        """True if a category is a number, such as "3": then numbers mean categories."""
        return any(not isinstance(canonical(category), str) for category in self.categories)

    @property
    def has_booleans(self) -> bool:
        """True if a category is the word true or false, in any letter case."""
        return any(canonical(category) in (TRUE, FALSE) for category in self.categories)

    @property
    def has_codes(self) -> bool:
        """True for an ordinal none of whose categories is a number: then a number is the position of a category."""
        return self.kind == "ordinal" and not self.has_numerals
