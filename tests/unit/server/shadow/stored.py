"""Predictions as the store gives them back, and models to put into the shadow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from tabular.adapters.mongo.documents import document_of, prediction_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def made_by(model, records, first=0, **changes):
    """What the model responds to the records, a second apart from noon on, as it comes back from the store."""
    rows = [model.bundle.codec.parse(record) for record in records]
    predictions = model.rows(rows, [f"p{first + at}" for at in range(len(rows))], "api")
    return [
        prediction_of(document_of(msgspec.structs.replace(one, made_at=at_second(first + at), **changes)))
        for at, one in enumerate(predictions)
    ]


def at_second(at):
    return NOON + timedelta(seconds=at)
