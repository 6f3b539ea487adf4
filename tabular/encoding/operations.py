"""The operations of derived columns: each for one row and for many, bit-identical.

All compute in double precision. Where a value is missing, or the result is no finite number of single precision (a
division by zero, the logarithm of what is not above zero), the result is missing. A datetime is a whole number of
microseconds since 1970, a category its position.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tabular.contract.canonical import LARGEST_NUMBER
from tabular.contract.derived import PERIODS, Derived, ModelInput
from tabular.encoding.dates import DAY_US, HOUR_US, MINUTE_US

Floats = NDArray[np.float64]
Array = NDArray[Any]

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
EPOCH_WEEKDAY = date(1970, 1, 1).weekday()


class Computation(NamedTuple):
    """One derived column: `one` computes a value from those of its columns, `many` a column from columns."""

    one: Callable[..., float]
    many: Callable[..., Array]


def computation(derived: Derived, sources: Sequence[ModelInput]) -> Computation:
    """What computes a derived column; `sources` are the columns it is derived from, in its order."""
    plain = _plain(derived, sources)
    return Computation(_one(plain.one), _many(plain.many))


def _plain(derived: Derived, sources: Sequence[ModelInput]) -> Computation:
    """The operation on values that are all there."""
    if derived.cyclic is not None:
        return _cyclic(derived)
    with_parameters = _WITH_PARAMETERS.get(derived.operation)
    return _FIXED[derived.operation] if with_parameters is None else with_parameters(derived, sources)


def _one(compute: Callable[..., float]) -> Callable[..., float]:
    def one(*values: float) -> float:
        for value in values:
            if value != value:  # noqa: PLR0124 - NaN, which is missing
                return math.nan
        found = compute(*values)
        return found + 0.0 if abs(found) <= LARGEST_NUMBER else math.nan  # no zero with a sign

    return one


def _many(compute: Callable[..., Array]) -> Callable[..., Floats]:
    def many(*columns: Floats) -> Floats:
        is_there: NDArray[np.bool_] = np.logical_not(np.isnan(np.array(columns)).any(axis=0))
        found = np.full(len(is_there), np.nan)
        with np.errstate(all="ignore"):
            found[is_there] = compute(*(column[is_there] for column in columns)) + 0.0
        found[~(np.abs(found) <= LARGEST_NUMBER)] = np.nan
        return found

    return many


def _log(derived: Derived, sources: Sequence[ModelInput]) -> Computation:  # noqa: ARG001
    def one(value: float) -> float:
        shifted = value + derived.offset
        return math.log(shifted) if shifted > 0 else math.nan

    # NumPy's own logarithm is another one in the last bit on some processors.
    return Computation(one, lambda values: np.fromiter(map(one, values.tolist()), np.float64, len(values)))


def _clip(derived: Derived, sources: Sequence[ModelInput]) -> Computation:  # noqa: ARG001
    low, high = derived.range or (-math.inf, math.inf)
    return Computation(lambda value: min(max(value, low), high), lambda values: np.clip(values, low, high))


def _bins(derived: Derived, sources: Sequence[ModelInput]) -> Computation:  # noqa: ARG001
    edges = derived.edges
    return Computation(
        lambda value: bisect_right(edges, value),
        lambda values: np.asarray(np.searchsorted(edges, values, side="right")),
    )


def _cross(derived: Derived, sources: Sequence[ModelInput]) -> Computation:  # noqa: ARG001
    width = len(sources[1].categories)
    return Computation(lambda first, second: first * width + second, lambda first, second: first * width + second)


def _cyclic(derived: Derived) -> Computation:
    """The sine or cosine of a part of a date, looked up: sines that are computed differ in the last bit."""
    first, period = PERIODS[derived.operation]
    turn = math.sin if derived.cyclic == "sin" else math.cos
    table = [turn(2 * math.pi * at / period) for at in range(period)]
    part = _FIXED[derived.operation]
    as_array = np.array(table)
    return Computation(lambda at: table[int(part.one(at)) - first], lambda at: as_array[part.many(at) - first])


def _between(unit_us: int) -> Callable[..., Any]:
    return lambda begin, end: (end - begin) / unit_us


def _date(at: float) -> date:
    return date.fromordinal(int(at) // DAY_US + EPOCH_ORDINAL)


def _days(at: Floats) -> Array:
    return np.asarray((at.astype(np.int64) // DAY_US).astype("datetime64[D]"))


def _days_of_year(at: Floats) -> Array:
    days = _days(at)
    first: Array = days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray((days - first).astype(np.int64) + 1)


_FIXED: dict[str, Computation] = {
    "hour": Computation(lambda at: int(at) // HOUR_US % 24, lambda at: at.astype(np.int64) // HOUR_US % 24),
    "weekday": Computation(
        lambda at: (int(at) // DAY_US + EPOCH_WEEKDAY) % 7,
        lambda at: (at.astype(np.int64) // DAY_US + EPOCH_WEEKDAY) % 7,
    ),
    "month": Computation(
        lambda at: _date(at).month, lambda at: _days(at).astype("datetime64[M]").astype(np.int64) % 12 + 1
    ),
    "day_of_year": Computation(lambda at: _date(at).timetuple().tm_yday, _days_of_year),
    "epoch_days": Computation(lambda at: at / DAY_US, lambda at: at / DAY_US),
    "minutes_between": Computation(_between(MINUTE_US), _between(MINUTE_US)),
    "days_between": Computation(_between(DAY_US), _between(DAY_US)),
    "ratio": Computation(lambda over, under: over / under if under else math.nan, np.divide),
    "difference": Computation(lambda first, second: first - second, np.subtract),
    "product": Computation(lambda first, second: first * second, np.multiply),
}
_WITH_PARAMETERS: dict[str, Callable[[Derived, Sequence[ModelInput]], Computation]] = {
    "log": _log,
    "clip": _clip,
    "bins": _bins,
    "cross": _cross,
}
