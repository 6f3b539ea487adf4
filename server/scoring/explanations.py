"""Why rows were scored as they were, feature by feature; only when a request asks, for it takes far longer."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.scoring.model import Model
from tabular.encoding.row import Matrix

MAX_EXPLAINED_ROWS = 100
"""The most rows of one request that are explained: of a large model one takes 70 ms (docs/decisions/serving.md)."""


def explanations(model: Model, rows: Matrix) -> list[dict[str, Any]]:
    """For each row of an n x k matrix `base` and `contributions` by input, as the response has them.

    They sum to the margin of the score: the log-odds (binary), the value (regression), or the margin of the most likely
    class (multiclass), whose softmax over the classes is its probability. Of calibrated scores it is the margin of the
    model, before they were calibrated.
    """
    names = model.bundle.contract.input_names
    base, contributions = model.bundle.scorer.explain(rows)
    if base.shape[1] > 1:
        every, likeliest = np.arange(len(rows)), model.scorer.many(rows).argmax(axis=1)
        base, contributions = base[every, likeliest, np.newaxis], contributions[every, likeliest, np.newaxis]
    pairs = zip(base[:, 0].tolist(), contributions[:, 0].tolist(), strict=True)
    return [{"base": start, "contributions": dict(zip(names, added, strict=True))} for start, added in pairs]
