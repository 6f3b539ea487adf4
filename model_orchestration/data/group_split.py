"""Rows divided into parts with every group in one part, and each part with about the same shares of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEFT_OUT = -1

Parts = NDArray[np.int64]
"""The part of each row, or LEFT_OUT."""


def grouped_parts(groups: NDArray[Any], classes: NDArray[np.int64], shares: Sequence[float], seed: int) -> Parts:
    """The part of each row, 0 to the number of shares; the same groups, classes and seed give the same parts.

    Groups with the same number of rows of each class are interchangeable: they are dealt out by the shares in an order
    that the seed draws. What remains is assigned greedily, the largest first, to where it improves the shares of
    the classes most, as scikit-learn's StratifiedGroupKFold does, which knows equal shares only.
    """
    names, member = np.unique(groups, return_inverse=True)
    rows = np.zeros((len(names), int(classes.max()) + 1))
    np.add.at(rows, (member, classes), 1)
    part_of_group = np.full(len(names), LEFT_OUT, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(names))
    _, profile = np.unique(rows[order], axis=0, return_inverse=True)
    remaining: list[int] = []
    for alike in np.split(order[np.argsort(profile.ravel(), kind="stable")], np.cumsum(np.bincount(profile.ravel()))):
        whole = np.floor(np.asarray(shares) * len(alike)).astype(np.int64)
        part_of_group[alike[: whole.sum()]] = np.repeat(np.arange(len(shares)), whole)
        remaining += alike[whole.sum() :].tolist()
    _assign(part_of_group, rows, remaining, np.asarray(shares))
    return part_of_group[member]


def parts_of_straddling_groups(part: Parts, groups: NDArray[Any], seed: int) -> Parts:
    """The parts without the rows of a group that are in another part than the rest of it.

    Such a group keeps its rows in one of its parts, drawn by seed with the weight of the rows it has there.
    """
    _, member = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(part))
    kept = np.empty(member.max() + 1, dtype=np.int64)
    kept[member[drawn]] = part[drawn]  # of a group's rows the last in a random order says where the group is
    return np.where(part == kept[member], part, LEFT_OUT)


def _assign(part_of_group: Parts, rows: NDArray[np.float64], remaining: list[int], shares: NDArray[np.float64]) -> None:
    wanted = shares[:, None] * np.maximum(rows.sum(axis=0), 1)
    have = np.zeros_like(wanted)
    placed = part_of_group != LEFT_OUT
    np.add.at(have, part_of_group[placed], rows[placed])
    for group in sorted(remaining, key=lambda each: -rows[each].sum()):
        # How far every part is from its share, by class, if it got the group.
        filled = have[None, :, :] + np.eye(len(shares))[:, :, None] * rows[group]
        off = (((filled - wanted) / wanted) ** 2 * shares[None, :, None]).sum(axis=(1, 2))
        part_of_group[group] = best = int(np.argmin(off))
        have[best] += rows[group]
