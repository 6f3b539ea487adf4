"""Stored rows, scored by a model that did not respond to them: bit-identical to what its own response would have been.

A stored row holds canonical values, which mean the same when they are read again.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.scoring.model import Model
from tabular.encoding.row import Row
from tabular.errors import InvalidRow
from tabular.predictions.prediction import Prediction
from tabular.shadow.score import ShadowScore


def shadow_scores(model: Model, predictions: Iterable[Prediction]) -> list[ShadowScore]:
    """Score the rows of the predictions in one call; those that the model's contract does not allow are left out."""
    read = [(one, row) for one in predictions if (row := stored_row(model, one)) is not None]
    scored = model.rows([row for _, row in read], [one.id for one, _ in read], "batch")
    return [_score(one, again) for (one, _), again in zip(read, scored, strict=True)]


def stored_row(model: Model, prediction: Prediction) -> Row | None:
    """The row of a stored prediction under the model's own contract; None if that has further features or bounds."""
    try:
        return model.bundle.codec.parse({name: prediction.row[name] for name in model.bundle.contract.feature_names})
    except (KeyError, InvalidRow):
        return None


def _score(stored: Prediction, again: Prediction) -> ShadowScore:
    return ShadowScore(
        prediction_id=stored.id,
        run_id=again.run_id,
        table=stored.table,
        made_at=stored.made_at,
        scored_at=again.made_at,
        score=again.score,
        probabilities=again.probabilities,
        predicted_class=again.predicted_class,
    )
