"""Predictions for reports, made by real bundles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from reporting.report import Period, build_report
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.predictions.sampling import Sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PERIOD = Period(NOW - timedelta(hours=24), NOW, NOW)


@pytest.fixture(scope="session")
def predict():
    """Predictions of a frame's rows, newest first, a minute apart; every third came by the stream."""

    def predict(bundle, frame, run_id="a" * 32):
        codec = RowCodec(bundle.contract)
        names = list(bundle.contract.feature_names)
        records = frame[names].astype(object).where(frame[names].notna(), None).to_dict("records")
        rows = [codec.parse(record) for record in records]
        made = list(
            ready_model(run_id, bundle).many(columns_of(rows), [f"{run_id}{at}" for at in range(len(rows))], "api")
        )
        return [
            msgspec.structs.replace(one, made_at=NOW - timedelta(minutes=at + 1), source="api" if at % 3 else "stream")
            for at, one in enumerate(made)
        ]

    return predict


@pytest.fixture(scope="session")
def report_on():
    """A report on predictions, as of noon."""

    def report_on(bundle, predictions, min_rows=300, other_runs=0, **sampled):
        sample = Sample(predictions, **sampled)
        labelled = [one for one in predictions if one.label is not None]
        return build_report(bundle, sample, PERIOD, min_rows=min_rows, other_runs=other_runs, labelled=labelled)

    return report_on
