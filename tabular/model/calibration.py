"""The calibration of a model: from its scores to probabilities that hold as frequencies, learnt on rows held out.

A curve is linear between its knots, whatever method made it, and is computed by subtraction, multiplication and
addition alone: so one row and many are bit-identical, on every machine, without a library. The order of scores stays.
`tabular/quality/calibration/` fits it, `tabular/quality/estimate.py` estimates quality by it.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.encoding.row import Matrix
from tabular.model.scorer import Explanation, Scorer, Scores

Method = Literal["none", "platt", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)

Doubles = NDArray[np.float64]


class Curve(msgspec.Struct, frozen=True, dict=True):
    """The probability at each knot's score; the knots reach from score 0 to 1, and no probability falls or is 0.

    Raises ValueError for knots that are otherwise: then a sum of probabilities could be 0.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        scores, probabilities = self.scores, self.probabilities
        if len(scores) != len(probabilities) or len(scores) < 2 or (scores[0], scores[-1]) != (0.0, 1.0):
            raise ValueError("the knots of a calibration must be pairs, and reach from score 0 to 1")
        if any(low >= high for low, high in pairwise(scores)):
            raise ValueError("the scores of a calibration's knots must rise")
        if (
            any(low > high for low, high in pairwise(probabilities))
            or not 0 < probabilities[0] <= probabilities[-1] <= 1
        ):
            raise ValueError("the probabilities of a calibration's knots must be above 0, up to 1, and not fall")

    @cached_property
    def slopes(self) -> tuple[float, ...]:
        """The slope after each knot; 0 after the last, which only score 1 itself reaches."""
        rises = zip(pairwise(self.scores), pairwise(self.probabilities), strict=True)
        return (*((above - below) / (right - left) for (left, right), (below, above) in rises), 0.0)

    def one(self, score: float) -> float:
        """The probability of one score from 0 to 1."""
        at = bisect_right(self.scores, score) - 1
        return self.probabilities[at] + (score - self.scores[at]) * self.slopes[at]

    def many(self, scores: Doubles) -> Doubles:
        """The probabilities of n scores from 0 to 1."""
        knots, probabilities, slopes = self._arrays
        at = np.searchsorted(knots, scores, side="right") - 1
        found: Doubles = probabilities[at] + (scores - knots[at]) * slopes[at]
        return found

    @cached_property
    def _arrays(self) -> tuple[Doubles, Doubles, Doubles]:
        return np.array(self.scores), np.array(self.probabilities), np.array(self.slopes)


class Calibration(msgspec.Struct, frozen=True):
    """How a model's scores become calibrated: one curve for a binary model, one a class for several, none for `none`.

    Those of several classes are divided by their sum (Zadrozny and Elkan, KDD 2002).
    """

    method: Method = "none"
    curves: tuple[Curve, ...] = ()

    def check(self, outputs: int) -> None:
        """Raises ValueError if it is not the calibration of a model with so many probabilities; 0 for a regression."""
        wanted = 0 if self.method == "none" else outputs
        if len(self.curves) != wanted or (not outputs and self.method != "none"):
            raise ValueError(f"the calibration ({self.method}) has {len(self.curves)} curves, not {wanted}")

    def many(self, scores: NDArray[np.floating[Any]]) -> Doubles:
        """The calibrated probabilities of n scores, or of n x classes, in double precision."""
        doubles = np.asarray(scores, dtype=np.float64)
        if not self.curves:
            return doubles
        if doubles.ndim == 1:
            return self.curves[0].many(doubles)
        columns = [curve.many(column) for curve, column in zip(self.curves, doubles.T, strict=True)]
        total = columns[0]
        for column in columns[1:]:  # one after the other, as for one row: numpy's sum adds in another order
            total = total + column
        return np.stack([column / total for column in columns], axis=1)

    def one(self, score: float | list[float]) -> float | list[float]:
        """The same of one row, bit-identical."""
        if not self.curves:
            return score
        if not isinstance(score, list):
            return self.curves[0].one(score)
        found = [curve.one(each) for curve, each in zip(self.curves, score, strict=True)]
        total = found[0]
        for each in found[1:]:  # Python's sum compensates for rounding
            total = total + each
        return [each / total for each in found]


NO_CALIBRATION = Calibration()


class CalibratedScorer:
    """A scorer whose scores are calibrated (`calibrated = true` of the contract); its margins stay the model's own."""

    def __init__(self, scorer: Scorer, calibration: Calibration) -> None:
        self.uncalibrated = scorer
        self.calibration = calibration
        self.family = scorer.family
        self._one, self._calibrated = scorer.one, calibration.one
        self._single = struct.Struct(f"{max(len(calibration.curves), 1)}f")

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row."""
        found = self._calibrated(self._one(codes))
        if isinstance(found, list):
            return list(self._single.unpack(self._single.pack(*found)))
        rounded: float = self._single.unpack(self._single.pack(found))[0]
        return rounded

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        return self.calibration.many(self.uncalibrated.many(rows)).astype(np.float32)

    def compiled(self, rows: Matrix) -> CalibratedScorer:
        """The same calibration of the fastest scorer of the model."""
        return CalibratedScorer(self.uncalibrated.compiled(rows), self.calibration)

    def explain(self, rows: Matrix) -> Explanation:
        """What each feature contributed to the margin of the model, before its scores are calibrated."""
        return self.uncalibrated.explain(rows)

    def to_bytes(self) -> bytes:
        """The model without the calibration, which is a file of its own in the bundle."""
        return self.uncalibrated.to_bytes()


def calibrated(scorer: Scorer, calibration: Calibration) -> Scorer:
    """The scorer whose scores are calibrated; itself where the calibration is none."""
    return CalibratedScorer(scorer, calibration) if calibration.curves else scorer
