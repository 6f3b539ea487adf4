"""Test rows with a near-duplicate among the training rows: one far nearer than other rows are, as of one customer.

How near two rows are is counted in bits of coincidence: for each input, minus the binary logarithm of the share of the
training rows that are as near to it, so that what is rare counts much and what most rows share counts nothing. In an
ordinary table a row's nearest rows follow one another closely, and how closely is seen from the hundreds after them
(Hill, Annals of Statistics 3, 1975); a near-duplicate stands alone before them.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection
from model_orchestration.evaluation.leaks.checks import no_copied_rows
from model_orchestration.evaluation.leaks.copies import is_like_an_id
from model_orchestration.evaluation.leaks.near_copies import near_copies
from tabular.contract.types import Contract
from tabular.data.table import encode
from tabular.encoding.row import Matrix
from tabular.quality.metrics import Floats

MAX_ROWS, MAX_ASKED = 30_000, 300
ASKED_AT_ONCE = 30  # each takes a few arrays of as many numbers as there are training rows
MIN_ROWS = 500
"""Of fewer training rows the distances to strangers are too few to be known."""
NEAR, FAR = 20, 200
"""A customer has fewer rows than this: the 20th and the 200th nearest row are of other customers."""
MAX_CHANCE = 0.001
MIN_FOUND = 5
MAX_NAMED = 5

Bits = NDArray[np.float64]


class NearDuplicates(msgspec.Struct, frozen=True):
    """How many test rows were looked at, and which of them have a near-duplicate, by their 0-based rows of the file."""

    asked: int
    rows: tuple[int, ...]

    @property
    def share(self) -> float:
        """The share of the test rows that have one."""
        return len(self.rows) / self.asked


def near_duplicates(contract: Contract, parts: Split, seed: int = 0) -> NearDuplicates | None:
    """The test rows with a near-duplicate among the training rows, both sampled if many; None if those are too few."""
    draw = np.random.default_rng(seed)
    train, test = (
        part.features.iloc[np.sort(draw.permutation(len(part))[:most])]
        for part, most in ((parts.train, MAX_ROWS), (parts.test, MAX_ASKED))
    )
    if len(train) < MIN_ROWS:
        return None
    known, asked = encode(contract, train), encode(contract, test)
    kept = [at for at in range(known.shape[1]) if not is_like_an_id(known[:, at])]
    kept = [kept[first] for first in sorted({min(alike) for alike in near_copies(known[:, kept])})]
    is_number = [contract.inputs[at].is_numeric for at in kept]
    at_once = np.array_split(asked[:, kept], -(-len(asked) // ASKED_AT_ONCE))
    first, near, far = np.concatenate([_nearest(known[:, kept], some, is_number) for some in at_once]).T
    fall = np.log(FAR / NEAR) / max(float((near - far).mean()), 1e-9)
    is_found = NEAR * np.exp(-fall * (first - near)) < MAX_CHANCE
    return NearDuplicates(len(test), tuple(int(row) for row in test.index[is_found]))


def no_near_duplicates(evidence: Evidence) -> Rejection | None:
    """No test row has a near-duplicate in training, but for a split by time: there customers come back as they will."""
    if evidence.split.test.times is not None or no_copied_rows(evidence) is not None:
        return None
    found, limit = near_duplicates(evidence.contract, evidence.split), evidence.contract.checks.max_copied_share
    if found is None or len(found.rows) < MIN_FOUND or found.share <= limit:
        return None
    share, most = figures(found.share, limit)
    rows = ", ".join(str(row + 1) for row in found.rows[:MAX_NAMED])
    return Rejection(
        "no_near_duplicates",
        f"{len(found.rows)} of {found.asked} test rows (a share of {share}, where {most} is the most) have a training "
        "row that is far nearer to them than rows of different customers are to one another, such as rows "
        f"{rows}: are there several snapshots of one customer?",
        "Name the column that tells customers apart in the contract, [split] group_column, so that the rows of one are "
        "in one part. If there is no such column, keep one row of each. If the rows are alike for another reason, "
        "raise checks.max_copied_share",
    )


def _nearest(known: Matrix, asked: Matrix, is_number: list[bool]) -> Bits:
    """How near the nearest known row is to each asked one, the 20th and the 200th: asked x 3."""
    places = [0, NEAR - 1, FAR - 1]
    return -np.partition(-coincidence_bits(known, asked, is_number), places, axis=1)[:, places]


def coincidence_bits(known: Matrix, asked: Matrix, is_number: list[bool]) -> Bits:
    """How near each asked row is to each known one, asked x known."""
    total = np.zeros((len(asked), len(known)))
    for at, numeric in enumerate(is_number):
        total -= np.log2(_shares(known[:, at].astype(np.float64), asked[:, at].astype(np.float64), numeric=numeric))
    return total


def _shares(known: Floats, asked: Floats, *, numeric: bool) -> Floats:
    """For each asked and known value the share of the known that are as near to the asked, missing ones together."""
    rows = len(known)
    there = np.sort(known[~np.isnan(known)])
    low, high = (np.searchsorted(there, asked, side=side) for side in ("left", "right"))
    same = np.where(np.isnan(asked), rows - len(there), high - low)
    equal = (asked[:, None] == known[None, :]) | (np.isnan(asked)[:, None] & np.isnan(known)[None, :])
    shares = np.where(equal, np.maximum(same, 1)[:, None] / rows, 1.0)
    if numeric:
        middle = (np.searchsorted(there, known, side="left") + np.searchsorted(there, known, side="right")) / 2
        apart = np.abs((low + high)[:, None] / 2 - middle[None, :])
        near = np.minimum((2 * apart + same[:, None]) / rows, 1.0)
        both = ~np.isnan(asked)[:, None] & ~np.isnan(known)[None, :]
        shares = np.where(both & ~equal, np.maximum(near, 1 / rows), shares)
    return shares
