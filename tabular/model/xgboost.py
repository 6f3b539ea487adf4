"""XGBoost models: scored by XGBoost itself, or by the compiled traversal of their trees where that is bit-identical.

XGBoost is imported when the first model is read. `predict` must not run before a server forks: an XGBoost that has used
threads hangs in the child (docs/explanation/serving.md), so one thread is set.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tabular.encoding.row import Matrix, single_precision
from tabular.model.scorer import Explanation, Scores
from tabular.model.tree_traversal import TreeTraversal, Unsupported

if TYPE_CHECKING:
    import xgboost as xgb

log = logging.getLogger(__name__)


class XGBoostScorer:
    """A booster, and the compiled traversal of its trees if `compiled` made it; a forest is a booster of one round."""

    def __init__(self, booster: xgb.Booster, traversal: TreeTraversal | None = None, family: str = "xgboost") -> None:
        self._booster = booster
        self._traversal = traversal
        self.family = family

    @classmethod
    def from_bytes(cls, model: bytes, family: str = "xgboost") -> XGBoostScorer:
        """Read a booster from UBJ; raises ValueError if XGBoost cannot."""
        import xgboost as xgb

        booster = xgb.Booster({"nthread": 1})
        booster.load_model(bytearray(model))
        booster.set_param({"nthread": 1})
        return cls(booster, family=family)

    def to_bytes(self) -> bytes:
        """The booster as UBJ."""
        return bytes(self._booster.save_raw("ubj"))

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row; a number beyond single precision is infinite."""
        if self._traversal is not None:
            return self._traversal.one(codes)
        scores: list[float | list[float]] = self._predict(single_precision([codes])).tolist()
        return scores[0]

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        return self._predict(rows) if self._traversal is None else self._traversal.many(rows)

    def compiled(self, rows: Matrix) -> XGBoostScorer:
        """The same model with the compiled traversal, if that is bit-identical on these rows and on its own probes.

        If not, XGBoost goes on scoring, and the log says why.
        """
        try:
            return XGBoostScorer(self._booster, self._checked_traversal(rows), self.family)
        except Unsupported as why:
            log.warning("rows are scored by XGBoost itself, which is slower: %s", why)
            return XGBoostScorer(self._booster, family=self.family)

    def explain(self, rows: Matrix) -> Explanation:
        """XGBoost's TreeSHAP (`pred_contribs`): the base is the margin that the trees expect of their training rows."""
        import xgboost as xgb

        types = self._booster.feature_types
        data = xgb.DMatrix(rows, missing=np.nan, nthread=1, feature_types=types, enable_categorical=types is not None)
        found = self._booster.predict(data, pred_contribs=True, strict_shape=True, validate_features=False)
        found = found.astype(np.float64)
        return Explanation(found[:, :, -1], found[:, :, :-1])

    def _checked_traversal(self, rows: Matrix) -> TreeTraversal:
        traversal = TreeTraversal(bytes(self._booster.save_raw("json")))
        if rows.size and rows.shape[1] != traversal.features:
            raise Unsupported(f"the model has {traversal.features} features and the contract {rows.shape[1]}")
        probes = np.concatenate([rows, traversal.probes()]) if rows.size else traversal.probes()
        expected = self._predict(probes).view(np.int32)
        single = np.array([traversal.one(row) for row in probes.tolist()], dtype=np.float32).view(np.int32)
        differing = (traversal.many(probes).view(np.int32) != expected) | (single != expected)
        if differing.any():
            raise Unsupported(f"the compiled traversal differs from XGBoost on {differing.sum()} of {len(probes)} rows")
        return traversal

    def _predict(self, rows: Matrix) -> Scores:
        scores: Scores = self._booster.inplace_predict(rows, missing=np.nan, validate_features=False)
        return scores


def import_without_scikit_learn() -> None:
    """Import XGBoost without its scikit-learn wrappers, which no service of ours uses.

    They bring scikit-learn and pandas along wherever these are installed: two thirds of a server's start and 90 MB.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # XGBoost does well if it cannot be imported
    try:
        import xgboost  # noqa: F401
    finally:
        del sys.modules["sklearn"]
