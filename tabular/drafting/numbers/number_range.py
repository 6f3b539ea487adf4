"""The plausible range of a number that a contract is drafted with: what the table holds, and room for the next rows."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from tabular.contract.canonical import LARGEST_NUMBER, LARGEST_WHOLE_NUMBER

Range = tuple[float, float]


def plausible_range(low: float, high: float, *, is_whole: bool) -> Range:
    """The range with as much room on either side as the values take, rounded outwards; it does not cross zero.

    0 to 1 stays as it is: two values are a yes and a no, and shares do not go beyond.
    """
    if low >= 0 and high <= 1 and (is_whole or high == 1):
        return 0.0, 1.0
    span = high - low or max(abs(low), 1.0)
    step = 10.0 ** math.floor(math.log10(span))
    most = float(LARGEST_WHOLE_NUMBER if is_whole else LARGEST_NUMBER)
    first = 0.0 if low >= 0 and low - span <= 0 else max(_rounded((low - span) / step, step, math.floor), -most)
    last = 0.0 if high <= 0 and high + span >= 0 else min(_rounded((high + span) / step, step, math.ceil), most)
    return min(first, low), max(last, high)


def is_beyond_models(low: float, high: float, *, is_whole: bool) -> bool:
    """True if a model cannot take these numbers: too large, or one number in single precision with all their room."""
    most = LARGEST_WHOLE_NUMBER if is_whole else LARGEST_NUMBER
    if max(-low, high) > most:
        return True
    first, last = plausible_range(low, high, is_whole=is_whole)
    return _single(first) == _single(last)


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _rounded(steps: float, step: float, to_whole: Callable[[float], int]) -> float:
    return float(f"{to_whole(steps) * step:.12g}")
