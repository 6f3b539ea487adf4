"""LightGBM models, in LightGBM's own text format; LightGBM itself scores the rows.

It is an optional library: imported when the first model of its family is read or fitted. One thread a call, so that it
starts none that a server's fork would lose (docs/explanation/serving.md).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from tabular.encoding.row import Matrix, single_precision
from tabular.errors import BrokenBundle
from tabular.model.scorer import Explanation, Scores

HOW_TO_INSTALL = "install its dependency group: sh embedded/setup.sh --group lightgbm"
NOT_NEEDED = ("dask", "matplotlib", "pandas", "pyarrow", "sklearn")


class LightGBMScorer:
    """A booster of LightGBM's."""

    family = "lightgbm"

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._features = int(booster.num_feature())
        self._outputs = int(booster.num_model_per_iteration())

    @classmethod
    def from_bytes(cls, model: bytes) -> LightGBMScorer:
        """Read a booster from LightGBM's text; raises ValueError if it is none, BrokenBundle without the library."""
        try:
            library = import_lightgbm()
        except ImportError as error:
            raise BrokenBundle(f"the model is of the family lightgbm, and {error}") from error
        try:
            return cls(library.Booster(model_str=model.decode()))
        except library.basic.LightGBMError as error:
            raise ValueError(f"the LightGBM model cannot be read: {error}") from error

    def to_bytes(self) -> bytes:
        """The booster as text, cut at its best round."""
        return str(self._booster.model_to_string()).encode()

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row; a number beyond single precision is infinite."""
        scores: list[float | list[float]] = self.many(single_precision([codes])).tolist()
        return scores[0]

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        rows = self._checked(rows)
        if not len(rows):
            return np.zeros((0, self._outputs) if self._outputs > 1 else 0, dtype=np.float32)
        scores: Scores = self._booster.predict(rows, num_threads=1).astype(np.float32)
        return scores

    def compiled(self, rows: Matrix) -> LightGBMScorer:  # noqa: ARG002 - the port's
        """Itself: the compiled traversal is of XGBoost's trees, which compare and add in single precision."""
        return self

    def explain(self, rows: Matrix) -> Explanation:
        """LightGBM's TreeSHAP (`pred_contrib`): the base is the margin that the trees expect of their training rows."""
        found = self._booster.predict(self._checked(rows), pred_contrib=True, num_threads=1)
        found = np.asarray(found, dtype=np.float64).reshape(len(rows), self._outputs, self._features + 1)
        return Explanation(found[:, :, -1], found[:, :, :-1])

    def _checked(self, rows: Matrix) -> Matrix:
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self._features:
            raise ValueError(f"rows of {self._features} features are wanted, not a matrix of shape {rows.shape}")
        return rows


def import_lightgbm() -> Any:
    """LightGBM without what it would bring along for other interfaces; raises ImportError that says what to do.

    Of pandas, scikit-learn and the others only those are there for it that the process has imported already: they would
    make a server's start three times as long.
    """
    hidden = [name for name in NOT_NEEDED if name not in sys.modules and "lightgbm" not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: cannot be imported
    try:
        import lightgbm
    except ImportError as error:
        raise ImportError(f"LightGBM is not installed ({error}): {HOW_TO_INSTALL}") from error
    except OSError as error:  # the library itself, which needs the system's OpenMP
        raise ImportError(f"LightGBM cannot be loaded ({error}): sudo apt-get install libgomp1") from error
    finally:
        for name in hidden:
            sys.modules.pop(name, None)  # two threads may have hidden it
    return lightgbm
