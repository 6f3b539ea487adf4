"""Scores a stored row again with the bundle of the run that scored it, and compares every bit."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from tabular.encoding.row import matrix
from tabular.model.bundle import Bundle
from tabular.predictions.prediction import Prediction, outcome


@dataclass(frozen=True)
class Field:
    """One value of a prediction, as it was stored and as it is now."""

    name: str
    stored: float | str | None
    now: float | str | None

    @property
    def agrees(self) -> bool:
        """True if they are the same in every bit: 0.0 is not -0.0, and a NaN is a NaN."""
        return _bits(self.stored) == _bits(self.now)


def replay(prediction: Prediction, bundle: Bundle) -> list[Field]:
    """Score the stored row again: the score, each class's probability, the predicted class, the contract's digest.

    Raises InvalidRow for a stored row that is not valid under the bundle's contract, which no endpoint stores.
    """
    contract = bundle.contract
    row = bundle.codec.parse(prediction.row)
    scored = np.asarray(bundle.scorer.many(matrix([row]))).tolist()[0]
    score, probabilities, winner = outcome(scored, () if contract.target.positive else contract.target.classes)
    stored, now = prediction.probabilities or {}, probabilities or {}
    return [
        Field("contract", prediction.contract, contract.digest),
        Field("score", prediction.score, score),
        *(Field(f"probability of {name}", stored.get(name), now.get(name)) for name in sorted({*stored, *now})),
        *(
            [Field("predicted class", prediction.predicted_class, winner)]
            if winner or prediction.predicted_class
            else []
        ),
    ]


def _bits(value: float | str | None) -> bytes | str | None:
    if isinstance(value, str) or value is None:
        return value
    return b"nan" if value != value else struct.pack("<d", value)  # noqa: PLR0124 - NaN
