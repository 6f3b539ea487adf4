"""The contract of a table as types: what a table is, and from which everything else is derived.

Cleaning, checks, encoding, request validation, OpenAPI, simulators and drift read it; no column is named in code.
Its keys are the fields below, in `docs/reference/contract.md` with an example.
"""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from tabular.contract.canonical import FALSE, TRUE, Canonical, as_number, canonical, double
from tabular.contract.check_rules import CheckRules
from tabular.contract.derived import Derived, ModelInput, input_of
from tabular.contract.evaluation.rules import EvaluationRules
from tabular.contract.features import Feature, Synthetic
from tabular.contract.rows.filters import Filter
from tabular.contract.source import SourceOptions
from tabular.contract.split_rules import SplitRules
from tabular.contract.training import Training

Task = Literal["binary", "multiclass", "regression"]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model predicts; `positive` is the class whose probability a binary model reports.

    `classes` lists the labels of a classification target (the score order of a multiclass one); empty for regression.
    With `minutes_between` the target is derived: the minutes from the first of these columns to the second, and
    `column` only names it. Rows whose number is not in `keep` (both ends included) are left out of the table.
    `non_negative` (regression) says that no target is below 0: a score below it is 0.
    """

    column: str
    minutes_between: tuple[str, str] | None = None
    keep: tuple[float, float] | None = None
    non_negative: bool = False
    classes: tuple[str, ...] = ()
    positive: str | None = None
    synthetic: Synthetic = Synthetic()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it is read from."""
        return self.minutes_between or (self.column,)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table as a whole.

    `id_column` identifies a row of the table; `business_key` is the public name under which a request may carry the
    identifier of what it is about, such as a customer, and a label may name it. It is never a feature.
    `label_window_days`: an outcome counts for the predictions of its key that were made at most so many days before.
    `known_before_outcome` names features that predict so well that they could be leaks, and are none, says the author.
    `source_file` is the public file's name, looked for in `data`; `source_sha256` its digest: many copies are altered.
    """

    name: str
    title: str
    task: Task
    id_column: str | None = None
    business_key: str | None = None
    label_window_days: float = 30.0
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
    filters: tuple[Filter, ...] = ()
    derived: tuple[Derived, ...] = ()
    training: Training = Training()
    checks: CheckRules = CheckRules()
    evaluation: EvaluationRules = EvaluationRules()

    @property
    def off_by_more_than(self) -> float | None:
        """The share of predictions that are off by more than this is a metric; None where it is none."""
        return self.evaluation.off_by(self.table.task)

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
