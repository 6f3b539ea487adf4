"""The compiled tree traversal: one row in microseconds where XGBoost takes a third of a millisecond.

XGBoost sets up a whole prediction for each call; for one row that is a hundred times the work of the row. A
`TreeTraversal` holds the same trees as flat arrays and traverses them with `native/tree_traversal.c`, compiled when the
project is installed. It is used only after `XGBoostScorer.compiled` found it bit-identical to XGBoost.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.encoding.row import Matrix, single_precision
from tabular.model.scorer import Scores

LIBRARY, VERSION = Path(__file__).parent / "native" / "tree_traversal.so", 3
BUILD_IT = "to build it: touch hatch_build.py && make setup"
LINKS = {"reg:squarederror": False, "binary:logistic": True}
PROBES = 500
MAX_CATEGORIES = 100_000

_NODE = np.dtype([("value", "f4"), ("feature", "i4"), ("children", "i4", (2,)), ("missing_goes_left", "i4")])
_TREE = np.dtype([("root", "i4"), ("depth", "i4")])
_WORD_BITS = 32


class Unsupported(Exception):
    """The compiled traversal is not for these trees, or not on this machine; XGBoost scores them."""


class _Library(NamedTuple):
    many: Callable[..., None]
    one: Callable[..., float]
    many_by_category: Callable[..., None]
    one_by_category: Callable[..., float]
    logit: Callable[[float], float]


class _Tree(msgspec.Struct, frozen=True):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    split_type: list[int]
    categories: list[int] = []
    categories_nodes: list[int] = []
    categories_segments: list[int] = []
    categories_sizes: list[int] = []


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


class TreeTraversal:
    """The trees of a binary or a regression model. Immutable, so threads may share it."""

    def __init__(self, model: bytes) -> None:
        """Take the trees from XGBoost's JSON; raises Unsupported for other models, or if the library was not built."""
        try:
            learner = msgspec.json.decode(model, type=_Model).learner
        except msgspec.MsgspecError as error:
            raise Unsupported(f"the model cannot be read: {error}") from error
        library = _library()
        self.features = int(learner.learner_model_param["num_feature"])
        trees = _supported(learner)
        self._nodes, self._trees = _laid_out(trees, self.features)
        self._starts, self._words = _category_sets(trees)
        is_logistic = LINKS[learner.objective["name"]]
        (base,) = msgspec.json.decode(learner.learner_model_param["base_score"], type=tuple[float])
        margin = library.logit(base) if is_logistic else base
        self._model: tuple[Any, ...] = (
            self._nodes.ctypes.data,
            self._trees.ctypes.data,
            len(self._trees),
            margin,
            is_logistic,
        )
        self._pack = struct.Struct(f"{self.features}f").pack
        self._many, self._one = library.many, library.one
        if len(self._words):
            self._model = (*self._model, self._starts.ctypes.data, self._words.ctypes.data)
            self._many, self._one = library.many_by_category, library.one_by_category

    def one(self, codes: Sequence[float]) -> float:
        """Score one row; a number beyond single precision is infinite, as it is for XGBoost."""
        try:
            row = self._pack(*codes)
        except OverflowError:
            return float(self.many(single_precision([codes]))[0])
        score: float = self._one(*self._model, row)
        return score

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"rows of {self.features} features are wanted, not a matrix of shape {rows.shape}")
        scores = np.empty(len(rows), dtype=np.float32)
        self._many(*self._model, rows.ctypes.data, len(rows), self.features, scores.ctypes.data)
        return scores

    def probes(self) -> Matrix:
        """500 rows on which a wrong traversal shows: values on thresholds, just below them, or missing.

        Of a feature that is split by category, categories that are split by and two more.
        """
        draw = np.random.default_rng(0)
        probes = np.full((PROBES, self.features), np.nan, dtype=np.float32)
        for feature in range(self.features):
            thresholds = self._nodes["value"][self._nodes["feature"] == feature]
            if largest := self._largest_category(feature):
                probes[:, feature] = draw.integers(0, largest + 3, PROBES)
            elif thresholds.size:
                probes[:, feature] = draw.choice(thresholds, PROBES)
        below = draw.random(probes.shape) < 0.4
        probes[below] = np.nextafter(probes[below], np.float32(-np.inf))
        probes[draw.random(probes.shape) < 0.1] = np.nan
        return probes

    def _largest_category(self, feature: int) -> int:
        """A bound on the categories by which a feature is split; 0 if it is not split by category."""
        starts = self._starts[(self._nodes["feature"] == feature) & (self._starts >= 0)]
        return int(self._words[starts].max(initial=0)) * _WORD_BITS


def _supported(learner: _Learner) -> tuple[_Tree, ...]:
    booster, objective = learner.gradient_booster, learner.objective["name"]
    trees = booster.model.trees
    if booster.name != "gbtree" or objective not in LINKS:
        raise Unsupported(f"the compiled traversal does not support {booster.name} with {objective}")
    if any(booster.model.tree_info) or learner.learner_model_param.get("num_target", "1") != "1":
        raise Unsupported("the compiled traversal has one output, the model several")
    if not trees:
        raise Unsupported("the model has no trees")
    return trees


def _laid_out(trees: Sequence[_Tree], features: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every tree's nodes, one tree after the other, and where each tree begins and how deep it is.

    A traversal cannot leave its tree: children come after their parents, and a leaf is its own child.
    """
    parts, heads, start = [], [], 0
    for tree in trees:
        part = np.empty(len(tree.split_indices), dtype=_NODE)
        children = np.array([tree.left_children, tree.right_children], dtype=np.int32).T
        own = np.arange(len(part), dtype=np.int32)
        is_leaf = children[:, 0] == -1
        features_at = np.where(is_leaf, 0, np.array(tree.split_indices, dtype=np.int32))
        is_inside = (children.min(axis=1) > own) & (children.max(axis=1) < len(part))
        if not (is_leaf | is_inside).all() or not ((features_at >= 0) & (features_at < features)).all():
            raise Unsupported("its trees are not laid out as expected")
        children[is_leaf] = own[is_leaf, np.newaxis]
        part["value"], part["feature"] = tree.split_conditions, features_at
        part["children"], part["missing_goes_left"] = children + start, tree.default_left
        parts.append(part)
        heads.append((start, _depth(children)))
        start += len(part)
    return np.concatenate(parts), np.array(heads, dtype=_TREE)


def _category_sets(trees: Sequence[_Tree]) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Where the set of each node begins, -1 where it has none, and all sets: the number of words, then these.

    A bit is set for each category that goes right; there are no words if no tree has a split by category.
    """
    parts, starts, end = [], np.full(sum(len(tree.split_type) for tree in trees), -1, dtype=np.int32), 0
    first = 0
    for tree in trees:
        if sorted(tree.categories_nodes) != np.flatnonzero(tree.split_type).tolist():
            raise Unsupported("its splits by category are not laid out as expected")
        for node, begin, size in zip(
            tree.categories_nodes, tree.categories_segments, tree.categories_sizes, strict=True
        ):
            parts.append(_bits(tree.categories[begin : begin + size]))
            starts[first + node] = end
            end += len(parts[-1])
        first += len(tree.split_type)
    return starts, np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32)


def _bits(categories: Sequence[int]) -> NDArray[np.uint32]:
    """A set of categories as the number of its words, and the words."""
    codes = np.array(categories, dtype=np.int64)
    if not ((codes >= 0) & (codes < MAX_CATEGORIES)).all():
        raise Unsupported(f"it splits by a category that is not from 0 to {MAX_CATEGORIES - 1:,}")
    words = np.zeros(int(codes.max(initial=-1)) // _WORD_BITS + 1, dtype=np.uint32)
    np.bitwise_or.at(words, codes // _WORD_BITS, np.uint32(1) << (codes % _WORD_BITS).astype(np.uint32))
    return np.array([len(words), *words], dtype=np.uint32)


def _depth(children: NDArray[np.int32]) -> int:
    """The steps from the first node to the deepest leaf."""
    depth, level = 0, np.zeros(1, dtype=np.int32)
    while (level := level[children[level, 0] != level]).size:
        depth, level = depth + 1, children[level].ravel()
    return depth


@cache
def _library() -> _Library:
    try:
        # One row is too short to release the interpreter lock for; many are not.
        library, releasing = ctypes.PyDLL(str(LIBRARY)), ctypes.CDLL(str(LIBRARY))
        version = library.tree_traversal_version()
    except (OSError, AttributeError) as error:
        raise Unsupported(f"{LIBRARY} cannot be used ({error}); {BUILD_IT}") from error
    if version != VERSION:
        raise Unsupported(f"{LIBRARY} has version {version}, not {VERSION}; {BUILD_IT}")
    number, real, pointer = ctypes.c_int32, ctypes.c_float, ctypes.c_void_p
    model: list[Any] = [pointer, pointer, number, real, number]
    logit, one, many = library.tree_traversal_logit, library.tree_traversal_one, releasing.tree_traversal_many
    logit.argtypes, logit.restype = [real], real
    one.argtypes, one.restype = [*model, ctypes.c_char_p], real
    many.argtypes, many.restype = [*model, pointer, number, number, pointer], None
    categories: list[Any] = [*model, pointer, pointer]
    one_by, many_by = library.tree_traversal_one_by_category, releasing.tree_traversal_many_by_category
    one_by.argtypes, one_by.restype = [*categories, ctypes.c_char_p], real
    many_by.argtypes, many_by.restype = [*categories, pointer, number, number, pointer], None
    return _Library(many, one, many_by, one_by, logit)
