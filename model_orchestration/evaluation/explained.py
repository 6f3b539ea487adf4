"""What the features contributed to the scores of some rows, for the picture of what a model rests on."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabular.encoding.row import Matrix
from tabular.model.scorer import Scorer

MAX_ROWS = 1_000
PART_ROWS = 20
MAX_SECONDS = 5.0
"""How long contributions are worked out: of deep trees a row takes up to a tenth of a second (TreeSHAP)."""


def contributions(scorer: Scorer, rows: Matrix) -> NDArray[np.floating[Any]]:
    """The contributions of the first rows, at most 1,000 and as many as 5 seconds allow: rows x outputs x features."""
    deadline, found = time.monotonic() + MAX_SECONDS, []
    for first in range(0, min(len(rows), MAX_ROWS), PART_ROWS):
        found.append(scorer.explain(rows[first : first + PART_ROWS]).contributions)
        if time.monotonic() > deadline:
            break
    return np.concatenate(found)
