"""A model's trees walked natively: one row in microseconds where XGBoost takes a third of a millisecond.

XGBoost sets up a whole prediction for each call; for one row that is fifty times the work of the row. `Forest` holds
the same trees as flat arrays and walks them with `native/tree_walk.c`, which is compiled when the project is installed.
It is trusted only after `checked_forest` found it equal to XGBoost bit for bit.
"""

from __future__ import annotations

import ctypes
import logging
import struct
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from tabular.row import Matrix

log = logging.getLogger(__name__)

LIBRARY, VERSION = Path(sys.prefix) / "lib" / "tree_walk.so", 1
LINKS = {"reg:squarederror": False, "binary:logistic": True}
PROBES = 500

_NODE = np.dtype([("value", "f4"), ("feature", "i4"), ("left", "i4"), ("right", "i4"), ("missing_goes_left", "i4")])


class NoForest(Exception):
    """These trees, or this machine, are not for the native walk; XGBoost scores them."""


class _Tree(msgspec.Struct, frozen=True):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    split_type: list[int]


class _Trees(msgspec.Struct, frozen=True):
    trees: tuple[_Tree, ...] = ()
    tree_info: tuple[int, ...] = ()


class _Gradient(msgspec.Struct, frozen=True):
    name: str
    model: _Trees = _Trees()


class _Learner(msgspec.Struct, frozen=True):
    gradient_booster: _Gradient
    learner_model_param: dict[str, str]
    objective: dict[str, Any]


class _Model(msgspec.Struct, frozen=True):
    learner: _Learner


class Forest:
    """The trees of a binary or a regression model with numeric splits. Immutable, so threads may share it."""

    def __init__(self, booster: xgb.Booster) -> None:
        """Raises NoForest for other models, or where the library was not built."""
        try:
            learner = msgspec.json.decode(bytes(booster.save_raw("json")), type=_Model).learner
        except msgspec.MsgspecError as error:
            raise NoForest(f"the model cannot be read: {error}") from error
        library = _library()
        self.features = int(learner.learner_model_param["num_feature"])
        trees = _supported(learner)
        self.nodes = _nodes(trees, self.features)
        sizes = [len(tree.split_indices) for tree in trees]
        self._roots = np.cumsum([0, *sizes[:-1]], dtype=np.int32)
        is_logistic = LINKS[learner.objective["name"]]
        (base,) = msgspec.json.decode(learner.learner_model_param["base_score"], type=tuple[float])
        margin = library.tree_walk_logit(base) if is_logistic else base
        self._trees = (self.nodes.ctypes.data, self._roots.ctypes.data, len(trees), margin, is_logistic)
        self._pack = struct.Struct(f"{self.features}f").pack
        self._walk, self._walk_one = library.tree_walk, library.tree_walk_one

    def one(self, codes: Sequence[float]) -> float:
        """Score one row; raises OverflowError for a number beyond single precision, which XGBoost takes as infinite."""
        score: float = self._walk_one(*self._trees, self._pack(*codes))
        return score

    def many(self, rows: Matrix) -> NDArray[np.float32]:
        """Score an n x k matrix."""
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"rows of {self.features} features are wanted, not a matrix of shape {rows.shape}")
        scores = np.empty(len(rows), dtype=np.float32)
        self._walk(*self._trees, rows.ctypes.data, len(rows), self.features, scores.ctypes.data)
        return scores


def checked_forest(booster: xgb.Booster, rows: Matrix) -> Forest | None:
    """The forest of a model, if it scores these rows and hundreds around its own thresholds exactly as XGBoost does."""
    try:
        forest = Forest(booster)
        if rows.size and rows.shape[1] != forest.features:
            raise NoForest(f"the model has {forest.features} features and the contract {rows.shape[1]}")
        probes = np.concatenate([rows, _probes(forest)]) if rows.size else _probes(forest)
        differing = forest.many(probes).view(np.int32) != _scores(booster, probes).view(np.int32)
        if differing.any():
            raise NoForest(f"it scores {differing.sum()} of {len(probes)} rows otherwise than XGBoost")
    except NoForest as why:
        log.warning("single rows are scored by XGBoost itself, which is slower: %s", why)
        return None
    return forest


def _scores(booster: xgb.Booster, rows: Matrix) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = booster.inplace_predict(rows, missing=np.nan, validate_features=False)
    return scores


def _probes(forest: Forest) -> Matrix:
    """Rows that stand on thresholds, just below them, or are missing."""
    draw = np.random.default_rng(0)
    probes = np.full((PROBES, forest.features), np.nan, dtype=np.float32)
    for feature in range(forest.features):
        thresholds = forest.nodes["value"][forest.nodes["feature"] == feature]
        if thresholds.size:
            probes[:, feature] = draw.choice(thresholds, PROBES)
    below = draw.random(probes.shape) < 0.4
    probes[below] = np.nextafter(probes[below], np.float32(-np.inf))
    probes[draw.random(probes.shape) < 0.1] = np.nan
    return probes


def _supported(learner: _Learner) -> tuple[_Tree, ...]:
    booster, objective = learner.gradient_booster, learner.objective["name"]
    trees = booster.model.trees
    if booster.name != "gbtree" or objective not in LINKS:
        raise NoForest(f"it has no walk for {booster.name} with {objective}")
    if any(booster.model.tree_info) or learner.learner_model_param.get("num_target", "1") != "1":
        raise NoForest("it has no walk for several outputs")
    if not trees or any(any(tree.split_type) for tree in trees):
        raise NoForest("it has no walk for splits by category")
    return trees


def _nodes(trees: Sequence[_Tree], features: int) -> NDArray[Any]:
    """Every tree's nodes, one tree after the other. A walk cannot leave them: children come after their parents."""
    parts, start = [], 0
    for tree in trees:
        part = np.empty(len(tree.split_indices), dtype=_NODE)
        left, right = (np.array(side, dtype=np.int32) for side in (tree.left_children, tree.right_children))
        is_leaf, own = left == -1, np.arange(len(part))
        part["feature"] = np.where(is_leaf, -1, tree.split_indices)
        part["value"] = tree.split_conditions
        part["left"], part["right"] = left + start, right + start
        part["missing_goes_left"] = tree.default_left
        inside = (np.minimum(left, right) > own) & (np.maximum(left, right) < len(part)) & (part["feature"] < features)
        if not (is_leaf | (inside & (part["feature"] >= 0))).all():
            raise NoForest("its trees are not laid out as expected")
        parts.append(part)
        start += len(part)
    return np.concatenate(parts)


@cache
def _library() -> ctypes.PyDLL:
    try:
        library = ctypes.PyDLL(str(LIBRARY))  # the walk is too short to let go of the interpreter for
        version = library.tree_walk_version()
    except (OSError, AttributeError) as error:
        raise NoForest(f"{LIBRARY} cannot be used ({error}); `make setup` builds it") from error
    if version != VERSION:
        raise NoForest(f"{LIBRARY} has version {version}, not {VERSION}; `make setup` builds it")
    number, real, pointer = ctypes.c_int32, ctypes.c_float, ctypes.c_void_p
    forest: list[Any] = [pointer, pointer, number, real, number]
    library.tree_walk_logit.argtypes, library.tree_walk_logit.restype = [real], real
    library.tree_walk_one.argtypes, library.tree_walk_one.restype = [*forest, ctypes.c_char_p], real
    library.tree_walk.argtypes, library.tree_walk.restype = [*forest, pointer, number, number, pointer], None
    return library
