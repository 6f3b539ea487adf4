"""The port of a model: what every family of models can do. `tabular/model/families.py` says which there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tabular.encoding.row import Matrix

Scores = NDArray[np.float32]


class Explanation(NamedTuple):
    """Why rows score as they do: the margin of an output is its base and the sum of its contributions.

    `base` is n x outputs, `contributions` n x outputs x k, in double precision. The margin is the log-odds of a binary
    model, the value of a regression, and of a class what is softmaxed.
    """

    base: NDArray[np.float64]
    contributions: NDArray[np.float64]


class Scorer(Protocol):
    """A fitted model. Immutable, so threads may share it; scores are bit-identical whichever method makes them."""

    @property
    def family(self) -> str:
        """The family's name, by which a bundle says how its model is read."""

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row of k inputs in contract order, NaN where missing: a score, or one a class."""

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix: n scores, or n x classes; raises ValueError for a matrix of another width."""

    def compiled(self, rows: Matrix) -> Scorer:
        """The fastest scorer of the same model that is bit-identical on these rows and others; itself if none is."""

    def explain(self, rows: Matrix) -> Explanation:
        """What each feature contributed to the margins of an n x k matrix; far slower than a score."""

    def to_bytes(self) -> bytes:
        """The model as it is kept in a bundle: data alone, no code."""
