"""The contract of a table as types: what a table is, and from which everything else is derived.

Cleaning, checks, encoding, request validation, OpenAPI, simulators and drift read it; no column is named in code.
Its keys are the fields below, in `docs/reference/contract.md` with an example.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from tabular.contract.canonical import FALSE, TRUE, Canonical, as_number, canonical, double
from tabular.contract.check_rules import CheckRules
from tabular.contract.derived import Derived, ModelInput, input_of
from tabular.contract.source import SourceOptions
from tabular.contract.split_rules import SplitRules
from tabular.contract.training import Training

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["integer", "number", "category", "ordinal", "datetime"]
TimeZone = Literal["none", "UTC"]
EXAMPLES: dict[TimeZone, str] = {"none": "2024-05-31T14:05:00", "UTC": "2024-05-31T14:05:00Z"}


class Synthetic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the generator of synthetic rows draws a feature, and how it pulls on the target.

    `quantiles` (numbers, evenly spaced from the minimum to the maximum) or `shares` (one weight a category, in order);
    `between` are the first and the last day of a datetime; `effect` is the pull on the target's log-odds per standard
    deviation, or from one category to the next.
    """

    quantiles: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    between: tuple[date, date] | None = None
    missing_share: float = 0.0
    effect: float = 0.0


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a request: its public name, its source column, and the values it may take.

    `range` is the plausible range, both ends included; the range seen in training is kept in the bundle. `categories`
    are texts, of an ordinal in rising order; what is read as one is told by its canonical form, so that no two may have
    the same. `time_zone` of a datetime says whether its texts have one. What is no `model_input` is asked for because
    something is derived from it. `about` and `sample` are shown where there is no description or example.
    """

    name: str
    column: str
    kind: Kind
    description: str = ""
    example: int | float | str | None = None
    range: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    time_zone: TimeZone = "none"
    model_input: bool = True
    synthetic: Synthetic = Synthetic()

    @property
    def is_numeric(self) -> bool:
        """True for integer and number; False for what has categories, and for a datetime."""
        return self.kind in ("integer", "number")

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
        """True for a category and an ordinal."""
        return not self.is_numeric and not self.is_datetime

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
            return self.categories[0]
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


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model predicts; `positive` is the class whose probability a binary model reports.

    `classes` lists the labels of a classification target (the score order of a multiclass one); empty for regression.
    With `minutes_between` the target is derived: the minutes from the first of these columns to the second, and
    `column` only names it. Rows whose number is not in `keep` (both ends included) are left out of the table.
    """

    column: str
    minutes_between: tuple[str, str] | None = None
    keep: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    positive: str | None = None
    synthetic: Synthetic = Synthetic()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it is read from."""
        return self.minutes_between or (self.column,)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table as a whole.

    `known_before_outcome` names features that predict so well that they could be leaks, and are none, says the author.
    `source_file` is the public file's name, looked for in `data`; `source_sha256` its digest: many copies are altered.
    """

    name: str
    title: str
    task: Task
    id_column: str | None = None
    missing_tokens: tuple[str, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    slice_features: tuple[str, ...] = ()
    known_before_outcome: tuple[str, ...] = ()
    source_file: str | None = None
    source_sha256: str | None = None


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public keys of a response: `prediction_key` is the key under which the prediction stands."""

    prediction_key: str


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """One table's contract; the order of `inputs` is the column order of every matrix."""

    table: Table
    target: Target
    reply: Reply
    features: tuple[Feature, ...]
    source: SourceOptions = SourceOptions()
    split: SplitRules = SplitRules()
    derived: tuple[Derived, ...] = ()
    training: Training = Training()
    checks: CheckRules = CheckRules()

    @cached_property
    def digest(self) -> str:
        """The sha256 of the contract's content, in hex: comments and layout of the file do not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The public names of the features, in their order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def columns(self) -> dict[str, ModelInput]:
        """Every feature and derived column by its name, as a model sees it or another column is derived from it."""
        known = {feature.name: feature.column_of_matrix for feature in self.features}
        for derived in self.derived:
            known[derived.name] = input_of(derived, known)
        return known

    @cached_property
    def inputs(self) -> tuple[ModelInput, ...]:
        """What the model sees, in matrix order: the features that are inputs, then the derived columns that are."""
        features = [feature.name for feature in self.features if feature.model_input and not feature.is_datetime]
        return tuple(self.columns[name] for name in (*features, *(one.name for one in self.derived if one.model_input)))

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """The names of the model's inputs, in matrix order."""
        return tuple(column.name for column in self.inputs)

    @cached_property
    def example(self) -> dict[str, int | float | str]:
        """One whole request body, made of the features' examples."""
        return {feature.name: feature.sample for feature in self.features}

    def is_missing(self, raw: object) -> bool:
        """True for None, an empty text and what has the canonical form of one of the table's missing tokens.

        A number is one if both are the same double: `1e20`, and `1e16` where it is 9999999999999999, for that is how it
        comes back from most programs.
        """
        if raw is None:
            return True
        if isinstance(raw, str | bool):
            form = canonical(raw)
            return form in self._missing or (isinstance(form, Decimal) and float(form) in self.missing_numbers)
        return bool(self.missing_numbers) and isinstance(raw, int | float) and double(raw) in self.missing_numbers

    @cached_property
    def missing_values(self) -> tuple[int | float | bool, ...]:
        """The numbers and booleans that mean "not known", because a missing token is written as one."""
        forms = [form for form in self._missing if isinstance(form, Decimal) and math.isfinite(float(form))]
        numbers = [float(form) if (number := as_number(form)) is None else number for form in forms]
        return (*sorted(numbers), *(form == TRUE for form in sorted({TRUE, FALSE} & self._missing)))

    @cached_property
    def missing_numbers(self) -> frozenset[float]:
        """The numbers that mean "not known", as doubles."""
        return frozenset(double(raw) for raw in self.missing_values if not isinstance(raw, bool))

    @cached_property
    def _missing(self) -> frozenset[Canonical]:
        return frozenset({"", *map(canonical, self.table.missing_tokens)})
