"""Predictions of rows of a reference whose outcomes come later, as they were or flipped."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np

from tabular.model.bundle import REFERENCE_TARGET
from tests.unit.monitoring.surroundings import START, predict

DELAY = timedelta(hours=1)


def labelled(bundle, rows, *, begin=START, seed=0, flipped=0.0, every=timedelta(seconds=1), delay=DELAY):
    """Predictions made one after the other, newest first, each labelled `delay` later; a share of labels is flipped."""
    frame = bundle.reference().sample(rows, replace=True, random_state=seed).reset_index(drop=True)
    target = frame[REFERENCE_TARGET].to_numpy() == 1
    target ^= np.random.default_rng(seed).random(rows) < flipped
    classes, positive = bundle.contract.target.classes, bundle.contract.target.positive
    (negative,) = set(classes) - {positive}
    made = []
    for at, one in enumerate(predict(bundle, frame)):
        made_at = begin + at * every
        label = positive if target[at] else negative
        made.append(
            msgspec.structs.replace(one, id=f"l{seed} {at}", made_at=made_at, label=label, labelled_at=made_at + delay)
        )
    return made[::-1]
