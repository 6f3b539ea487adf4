"""The data checks beside the last accepted table: what moved is named, and nothing else raises an alarm."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.checks import check
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.quality.drift import compare
from tests.unit.model_orchestration.planted_faults import ROWS, planted

DRIFTS = {
    "credit_limit": lambda frame: frame.assign(Credit_Limit=(frame["Credit_Limit"].astype(float) * 1.5).astype(str)),
    "gender": lambda frame: frame.assign(Gender=["F"] * 1500 + frame["Gender"].tolist()[1500:]),
    "education_level": lambda frame: frame.assign(
        Education_Level=["Unknown"] * 700 + frame["Education_Level"].tolist()[700:]
    ),
    "total_revolving_bal": lambda frame: frame.assign(
        Total_Revolving_Bal=["Unknown"] * 400 + frame["Total_Revolving_Bal"].tolist()[400:]
    ),
    "target Attrition_Flag": lambda frame: frame.assign(
        Attrition_Flag=["Attrited Customer"] * 400 + frame["Attrition_Flag"].tolist()[400:]
    ),
}


@pytest.mark.parametrize("column", DRIFTS)
def test_a_column_that_moved_is_a_warning_by_name_and_no_error(contract, body, accepted, column):
    report = check(contract, planted(body, DRIFTS[column]), accepted)
    report.require()
    assert report.drifted == (column,)
    told = next(warning for warning in report.warnings if warning.startswith(f"{column}: the "))
    assert "moved since the last accepted version" in told


def test_large_tables_are_compared_by_samples_from_all_their_rows(contract, body, monkeypatch):
    table = clean(contract, read_table(body).cells)
    rows = []

    def counted(before, now, *others, **options):
        rows.append((len(before), len(now)))
        return compare(before, now, *others, **options)

    monkeypatch.setattr("tabular.quality.version_drift.compare", counted)
    monkeypatch.setattr("tabular.quality.version_drift.MAX_ROWS", 1_500)
    # Moved in the last rows alone, as new rows are appended.
    moved = planted(body, lambda frame: frame.assign(Gender=frame["Gender"].tolist()[:1400] + ["F"] * 600))
    assert check(contract, moved, table).drifted == ("gender",)
    assert check(contract, body, table).drifted == ()
    assert rows == [(1_500, 1_500)] * 2


@pytest.mark.parametrize("rate", [1e-9, 2e-5, 1e12])
def test_a_rate_that_quadruples_is_named_whatever_its_unit(contract, body, accepted, rate):
    def scaled(factor):
        return lambda frame: frame.assign(Credit_Limit=(frame["Credit_Limit"].astype(float) * factor).map(repr))

    widened = with_range(contract, "credit_limit", None)
    before = clean(widened, read_table(planted(body, scaled(rate))).cells)
    assert check(widened, planted(body, scaled(4 * rate)), before).drifted == ("credit_limit",)
    assert check(widened, planted(body, scaled(rate)), before).drifted == ()


def with_range(contract, name, limits):
    features = tuple(
        msgspec.structs.replace(feature, range=limits) if feature.name == name else feature
        for feature in contract.features
    )
    return msgspec.structs.replace(contract, features=features)


def test_a_trifle_on_a_big_table_raises_no_alarm(contract):
    big = clean(contract, read_table(make_table(contract, 30_000, seed=1)).cells)
    body = planted(
        make_table(contract, 30_000, seed=2),
        lambda frame: frame.assign(Credit_Limit=(frame["Credit_Limit"].astype(float) * 1.05).astype(str)),
    )
    assert check(contract, body, big).drifted == ()


def test_halves_of_a_table_raise_no_false_alarm(contract, body):
    table = clean(contract, read_table(body).cells)
    false_alarms = 0
    for seed in range(20):
        half = np.random.default_rng(seed).permutation(ROWS)
        frame = pd.read_csv(io.BytesIO(body), dtype=str, keep_default_na=False).iloc[half[:1000]]
        found = check(contract, frame.to_csv(index=False).encode(), table.take(half[1000:]))
        false_alarms += len(found.drifted) + len(found.holds)
    assert false_alarms == 0


def test_a_much_smaller_table_is_a_warning(contract, body, accepted):
    report = check(contract, planted(body, lambda frame: frame[:900]), accepted)
    assert "the table has 900 rows, the last accepted one had 2000: was the file cut?" in report.warnings
    assert report.holds == report.warnings
