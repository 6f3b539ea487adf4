"""Whether two sides of a comparison have enough rows to tell drift from noise."""

from __future__ import annotations

from typing import Literal

import msgspec

MIN_REFERENCE_ROWS = 100
"""The fewest rows of a reference, as of a table: the tests keep their rate of false alarms, with less power."""


class TooFewRows(msgspec.Struct, frozen=True):
    """No comparison: so few rows that it would mostly show noise.

    `of` is the side that is too small; if both are, it is the reference, for no waiting will make that grow.
    """

    have: int
    need: int
    of: Literal["window", "reference"] = "window"

    def __str__(self) -> str:
        if self.of == "window":
            return f"the window has {self.have} predictions, {self.need} are needed to compare it: wait for more"
        return (
            f"the model's reference, the rows held out when it was trained, has {self.have} rows, {self.need} are "
            f"needed to compare it: more predictions do not help; train on a table of at least {self.need} rows"
        )


def too_few_rows(reference: int, window: int, min_rows: int) -> TooFewRows | None:
    """Which side is too small, None if none is.

    A window needs `min_rows`, and a reference as many or `MIN_REFERENCE_ROWS`, whichever is less.
    """
    need = max(min_rows, 1)
    if reference < (need_reference := min(need, MIN_REFERENCE_ROWS)):
        return TooFewRows(reference, need_reference, "reference")
    return TooFewRows(window, need) if window < need else None
