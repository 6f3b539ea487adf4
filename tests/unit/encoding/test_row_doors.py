"""The fast door and the patient door make the same of anything, and no bytes end either."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular.encoding.row import parse_json
from tabular.errors import Rejected
from tests.unit.churn import CODEC, CONTRACT

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def likely(feature):
    """Values that are near the truth: right, in another spelling, or just beyond the edge."""
    if feature.is_numeric:
        low, high = feature.range
        return st.sampled_from([low, high, int(low), int(high) + 1, low - 0.5, 1, 1.0, "Unknown"]) | st.floats(
            low, high
        )
    known = feature.categories
    return st.sampled_from([*known, known[0].upper(), f" {known[-1]}", "Unknown", "none", 0, 1.0, len(known), -1])


records = st.fixed_dictionaries(
    {feature.name: st.none() | likely(feature) | anything for feature in CONTRACT.features},
    optional={CONTRACT.table.business_key: anything | st.text(max_size=210)},
) | st.dictionaries(st.sampled_from([*CONTRACT.feature_names, "customer_id", "colour"]), anything)


def outcome(read):
    try:
        row = read()
    except Rejected as refused:
        return str(refused)
    return row.values, tuple(map(type, row.values)), tuple(map(repr, row.codes)), row.unknown, row.business_key


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records)
def test_the_fast_door_equals_the_patient_door(record):
    body = msgspec.json.encode(record)
    assert outcome(lambda: CODEC.decode(body)) == outcome(lambda: CODEC.parse(parse_json(body)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_rejected(body):
    outcome(lambda: CODEC.decode(body))  # anything but Rejected would fail the test
