"""How a table is split: the `[split]` of a contract."""

from __future__ import annotations

import msgspec


class SplitRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rows are divided into train, validation and test.

    `shares` are those of train, validation and test. With `time_column` the validation rows are later than the training
    rows, and the test rows later still; rows of one group (`group_column`) are in one part only. Both are columns of
    the source table and need not be features.
    """

    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    time_column: str | None = None
    group_column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that the split needs."""
        return tuple(name for name in (self.time_column, self.group_column) if name is not None)
