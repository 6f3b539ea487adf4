"""One spelling for each category of a column whose categories the contract does not list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tabular.contract.canonical import Canonical, canonical


def in_one_spelling(texts: Sequence[str | None], rows: NDArray[np.int64]) -> list[str | None]:
    """The different texts of a column, each as the most frequent one of the same canonical form is written.

    `rows` has how many rows hold each text; of two that are as frequent the first in the alphabet is taken, so that the
    order of the rows does not matter.
    """
    forms: list[Canonical | None] = [None if text is None else canonical(text) for text in texts]
    chosen: dict[Canonical, tuple[int, str]] = {}
    for form, text, count in zip(forms, texts, rows.tolist(), strict=True):
        if form is None or text is None:
            continue
        best = chosen.get(form)
        if best is None or (-count, text) < (-best[0], best[1]):
            chosen[form] = count, text
    return [None if form is None else chosen[form][1] for form in forms]
