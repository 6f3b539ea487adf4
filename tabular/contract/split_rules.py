"""How a table is split: the `[split]` of a contract."""

from __future__ import annotations

import msgspec


class SplitRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rows are divided into train, validation and test, and how a small table is cross-validated.

    `shares` are those of train, validation and test. With `time_column` the validation rows are later than the training
    rows, and the test rows later still; rows of one group (`group_column`) are in one part only. Both are columns of
    the source table and need not be features. `not_time_columns` hold dates, or numbers in whose order the rows lie,
    and do not say when a row came; `not_group_columns` name things that later rows belong to as well. Below
    `cross_validate_below_rows` rows, or `cross_validate_below_class_rows` rows of the rarest class in the test part,
    the figures are those of `repeats` cross-validations with `folds` folds each. `max_forward_gap` is by how much the
    headline metric may be lower on future rows than on random ones.
    """

    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    time_column: str | None = None
    group_column: str | None = None
    not_time_columns: tuple[str, ...] = ()
    not_group_columns: tuple[str, ...] = ()
    folds: int = 5
    repeats: int = 2
    cross_validate_below_rows: int = 2_000
    cross_validate_below_class_rows: int = 200
    max_forward_gap: float = 0.05

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that the split needs."""
        return tuple(name for name in (self.time_column, self.group_column) if name is not None)
