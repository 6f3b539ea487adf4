"""Derived columns: one row and many rows get the same bits, and missing values stay missing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.contract.derived import PERIODS, Derived, ModelInput
from tabular.encoding.dates import EPOCH, MINUTE_US, moment_in, text_of
from tabular.encoding.operations import computation
from tests.unit.any_contract import FIRST_US, LAST_US, quick

MOMENT, NUMBER = ModelInput("moment", "datetime"), ModelInput("number", "number")
LABEL = ModelInput("label", "category", categories=("a", "b", "c"))
OTHER = ModelInput("other", "ordinal", categories=("x", "y"))
TWO = (NUMBER, NUMBER)
OPERATIONS = {
    **{part: (Derived("d", part, ("m",)), (MOMENT,)) for part in (*PERIODS, "epoch_days")},
    **{
        f"{part} {turn}": (Derived("d", part, ("m",), cyclic=turn), (MOMENT,))
        for part in PERIODS
        for turn in ("sin", "cos")
    },
    **{name: (Derived("d", name, ("m", "n")), (MOMENT, MOMENT)) for name in ("minutes_between", "days_between")},
    **{name: (Derived("d", name, ("m", "n")), TWO) for name in ("ratio", "difference", "product")},
    "log": (Derived("d", "log", ("m",)), (NUMBER,)),
    "log with an offset": (Derived("d", "log", ("m",), offset=1.5), (NUMBER,)),
    "clip": (Derived("d", "clip", ("m",), range=(-1.0, 2.5)), (NUMBER,)),
    "bins": (Derived("d", "bins", ("m",), edges=(-1.0, 0.0, 0.1)), (NUMBER,)),
    "cross": (Derived("d", "cross", ("m", "n")), (LABEL, OTHER)),
}


def codes(column):
    if column.kind == "datetime":
        there = st.integers(FIRST_US, LAST_US).map(float)
    elif column.categories:
        there = st.integers(0, len(column.categories) - 1).map(float)
    else:
        there = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, -1.0, 0.1, 2.5, -1.5])
    return there | st.just(math.nan)


@pytest.mark.parametrize("name", OPERATIONS)
@quick
@given(data=st.data())
def test_many_rows_get_the_bits_of_each_alone(name, data):
    derived, sources = OPERATIONS[name]
    rows = data.draw(st.lists(st.tuples(*map(codes, sources)), max_size=20))
    made = computation(derived, sources)
    together = made.many(*(np.array([row[at] for row in rows]) for at in range(len(sources))))
    alone = np.array([made.one(*row) for row in rows], dtype=np.float64)
    np.testing.assert_array_equal(together.view(np.int64), alone.view(np.int64))
    for row, value in zip(rows, alone.tolist(), strict=True):
        assert math.isnan(value) or math.isfinite(np.float32(value))
        if any(map(math.isnan, row)):
            assert math.isnan(value)


@quick
@given(st.integers(FIRST_US, LAST_US))
def test_the_parts_of_a_date_are_those_of_the_calendar(at):
    moment = EPOCH + timedelta(microseconds=at)
    wanted = {"hour": moment.hour, "weekday": moment.weekday(), "month": moment.month}
    wanted["day_of_year"] = moment.timetuple().tm_yday
    for part, value in wanted.items():
        assert computation(*OPERATIONS[part]).one(float(at)) == value
    (found,) = computation(*OPERATIONS["epoch_days"]).many(np.array([float(at)]))
    assert found == pytest.approx((moment - EPOCH) / timedelta(days=1))


@quick
@given(st.datetimes(EPOCH.replace(1701), EPOCH.replace(2199)), st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
def test_a_text_with_a_zone_is_its_moment_in_utc(local, offset):
    minutes = offset // timedelta(minutes=1)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    found = moment_in(f"{local.isoformat()}{sign}{hours:02}:{rest:02}")
    wanted = local - timedelta(minutes=minutes)
    assert found == (f"{wanted.isoformat()}Z", (wanted - EPOCH) // timedelta(microseconds=1), True)


@quick
@given(st.integers(FIRST_US, LAST_US), st.booleans())
def test_a_canonical_text_is_read_as_what_it_was_made_of(at, has_zone):
    text = text_of(at, has_zone=has_zone)
    assert moment_in(text) == (text, at, has_zone)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2024-05-31", "2024-05-31T00:00:00"),
        (" 2024-05-31 14:05 ", "2024-05-31T14:05:00"),
        ("2024-05-31T14:05:06.5", "2024-05-31T14:05:06.500000"),
        ("2024-05-31T14:05:06.123456789", "2024-05-31T14:05:06.123456"),
        ("2024-05-31T14:05:06+0200", "2024-05-31T12:05:06Z"),
        ("2024-05-31T14:05Z", "2024-05-31T14:05:00Z"),
    ],
)
def test_what_is_a_date(text, canonical):
    assert moment_in(text).text == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "20240531", "31.05.2024", "05/31/2024", "2024-5-31", "2024-02-30", "2024-05-31T", "2024-05-31T24:00",
        "2024-05-31T14:60", "2024-05-31x14:05", "2024-05-31T14:05:06,5", "2024-W22-5", "1699-12-31", "2200-01-01",
        "2199-12-31T23:30-01:00", "0000-01-01", "2024-05-31T14:05+25:00", "٢٠٢٤-05-31", "1717164306", "nan",
    ],
)  # fmt: skip
def test_what_is_none(text):
    assert moment_in(text) is None


def test_what_has_no_result_is_missing():
    ratio, log = (computation(*OPERATIONS[name]).one for name in ("ratio", "log"))
    product = computation(*OPERATIONS["product"]).one
    assert math.isnan(ratio(1.0, 0.0))
    assert math.isnan(log(0.0))
    assert math.isnan(log(-1.0))
    assert math.isnan(product(1e30, 1e30))  # beyond single precision
    assert ratio(1.0, 4.0) == 0.25
    assert computation(*OPERATIONS["minutes_between"]).one(0.0, 1.5 * MINUTE_US) == 1.5
    assert computation(*OPERATIONS["cross"]).one(2.0, 1.0) == 5
    assert [computation(*OPERATIONS["bins"]).one(value) for value in (-1.5, -1.0, 0.05, 7.0)] == [0, 1, 2, 3]


def test_zones_are_read_by_the_same_clock():
    assert moment_in("1970-01-01T00:00:00Z").microseconds == moment_in("1970-01-01").microseconds == 0
    now = datetime.now(UTC)
    assert moment_in(now.isoformat()).microseconds == round(now.timestamp() * 1e6)
