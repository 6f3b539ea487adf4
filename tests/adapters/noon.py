"""Predictions made at noon and in the microseconds after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tabular.predictions.prediction import Prediction

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def prediction(at: int = 0, **changes) -> Prediction:
    """The prediction made `at` microseconds after noon."""
    fields = {
        "id": f"p{at}",
        "made_at": NOON + timedelta(microseconds=at),
        "run_id": "run1",
        "contract": "c" * 64,
        "table": "churn",
        "source": "api",
        "row": {"age": 57, "limit": 4010.5, "level": "Graduate", "income": None},
        "score": 0.25,
        "unknown": ("level",),
        "warnings": ("level: 'x' is not a known value",),
    }
    return Prediction(**(fields | changes))
