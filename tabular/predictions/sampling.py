"""A uniform sample of predictions, by their ids, so that a window of a million costs what one of ten thousand does.

Every id has a level: 0 for half of all ids, 1 for a quarter, 2 for an eighth, and so on. The predictions at a level or
above are a uniform sample, half as large with each level, and the same one at every check: two checks of one window do
not differ by chance. The level is stored with the prediction, so that a store finds a sample by an index.

The error of a sample of n rows is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (Annals of
Probability 18, 1990): with a certainty of 99 %, no point of a distribution is off by more than sqrt(ln(2/0.01) / 2n).
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tabular.predictions.prediction import Prediction

MAX_LEVEL = 31
PROBE_LEVEL = 10
CERTAINTY = 0.99
FILL = 0.8
"""How full a level is to be expected at most, for the size of a window is itself estimated from a sample."""

LEAST_SHARE = 4
"""A sample holds at least one part in so many of what may be read, as the levels go by halves."""

Read = Callable[[int, int], Sequence[Mapping[str, Any]]]
"""The newest of the window at a level (the first number) or above, at most so many (the second)."""


@dataclass(frozen=True)
class Sample:
    """Predictions of a window, newest first: all of them, or a uniform sample of this `share` of them.

    `is_cut` says that the window held more and these are its newest: its older part was stored without levels.
    `left_out` counts documents that were read with them and are no predictions of this contract.
    """

    predictions: Sequence[Prediction]
    share: float = 1.0
    is_cut: bool = False
    left_out: int = 0

    @property
    def is_whole(self) -> bool:
        """True if nothing of the window is left out."""
        return self.share == 1.0 and not self.is_cut

    @property
    def rows(self) -> int:
        """How many predictions the window holds: exact if none is left out, else about."""
        return self.scaled(len(self.predictions))

    @property
    def error(self) -> float:
        """By how much a share, or a point of a distribution, may be off, 0 to 1; 0 for a whole window."""
        return 0.0 if self.is_whole else sampling_error(len(self.predictions))

    def scaled(self, count: int) -> int:
        """A count in the sample as a count in the window."""
        return round(count / self.share)

    def counted(self, names: Iterable[str]) -> Counter[str]:
        """How often each name, one that the predictions of the sample gave, comes in the window."""
        return Counter({name: self.scaled(count) for name, count in Counter(names).items()})


def of_contract(sample: Sample, digest: str) -> Sample:
    """The sample without the predictions of another contract than this: their columns are others."""
    kept = [prediction for prediction in sample.predictions if prediction.contract == digest]
    return replace(sample, predictions=kept, left_out=sample.left_out + len(sample.predictions) - len(kept))


def level_of(prediction_id: str) -> int:
    """The level of an id: how often a coin that is its checksum shows heads before the first tails."""
    draw = zlib.crc32(prediction_id.encode())
    return (draw & -draw).bit_length() - 1 if draw else MAX_LEVEL


def sampling_error(rows: int) -> float:
    """The most by which a distribution in a sample of so many rows is off, with a certainty of 99 %."""
    return min(1.0, math.sqrt(math.log(2 / (1 - CERTAINTY)) / (2 * rows))) if rows else 1.0


def enough_for(rows: int, most: int) -> int:
    """At least `most`, and enough to read that a sample of a large window has so many rows."""
    return max(most, LEAST_SHARE * rows)


def thinned(
    read: Read, probe: Read, most: int, newest: int | None = None
) -> tuple[Sequence[Mapping[str, Any]], float, bool]:
    """At most `most` documents of a window, their share of it, and whether it was cut.

    The window is all that `read` finds, or its `newest` so many. `probe` is `read` without the documents' content: by
    it the size of the window is estimated, where no `newest` does.
    """
    if newest is not None and newest <= most:
        return read(0, newest), 1.0, False
    level = _level_for(newest or len(probe(PROBE_LEVEL, most)) << PROBE_LEVEL, most)
    found = read(level, _limit(newest, level, most))
    while level and len(found) < most // LEAST_SHARE:
        level = min(level - 1, _level_for(len(found) << level, most))
        found = read(level, _limit(newest, level, most))
    while len(found) > most:
        level += 1
        found = read(level, _limit(newest, level, most))
    if level and len(found) < most // LEAST_SHARE:
        # Too many at one level and next to none at the one above: the window was stored without levels.
        return read(0, most), 1.0, True
    return found, 0.5**level, False


def _level_for(rows: int, most: int) -> int:
    return max(0, math.ceil(math.log2(rows / (FILL * most)))) if rows else 0


def _limit(newest: int | None, level: int, most: int) -> int:
    return most + 1 if newest is None else min(most + 1, max(1, newest >> level))
