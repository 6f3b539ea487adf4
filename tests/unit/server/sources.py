"""How rows get their scores at each source: one alone, in an array or lines, on the stream, by MLflow's tools."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pandas as pd

from server.api.batch import rows_of_array, rows_of_lines
from server.stream.batch import predict
from tabular.model.pyfunc import BundleModel
from tabular.ports.streams import StreamRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def of_parts(model, rows):
    return [score for part in rows.parts for score in model.many(part.columns, [""] * len(part.columns), "api").scores]


def alone(model, records):
    return [model.one(model.bundle.codec.decode(json.dumps(each).encode()), "", "api").score for each in records]


def in_array(model, records):
    return of_parts(model, rows_of_array(model, json.dumps(records).encode(), len(records)))


def in_lines(model, records):
    return of_parts(model, rows_of_lines(model, "\n".join(map(json.dumps, records)).encode(), len(records)))


def on_stream(model, records):
    arrived = [
        StreamRecord("s@1", "0", str(at), "k", json.dumps(each).encode(), NOON) for at, each in enumerate(records)
    ]
    return [made.score for made in predict(model, arrived).predictions]


def in_mlflow(model, records):
    return BundleModel(model.bundle).predict(pd.DataFrame(records, dtype=object)).tolist()


SOURCES = [alone, in_array, in_lines, on_stream, in_mlflow]
