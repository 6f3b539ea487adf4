"""Rows as numbers: equal for equal rows, and for no others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.data.rows.hashes import row_hashes

NUMBERS = st.sampled_from([np.nan, 0.0, -0.0, 1.0, 2.5])
TEXTS = st.sampled_from([None, "", "a", "b"])
MOMENTS = st.sampled_from([np.datetime64("NaT", "us"), np.datetime64("2024-01-01", "us"), np.datetime64(0, "us")])
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS, TEXTS, MOMENTS), min_size=1, max_size=30)


def hashed(rows):
    columns = list(zip(*rows, strict=True))
    kinds = ("float64", "float64", "object", "object", "datetime64[us]")
    return row_hashes(
        [pd.Series(list(column), dtype=kind) for column, kind in zip(columns, kinds, strict=True)]
    ).tolist()


def plain(row):
    return tuple(None if pd.isna(value) else value for value in row)


@settings(deadline=None)
@given(ROWS)
def test_rows_have_equal_hashes_if_and_only_if_they_are_equal(rows):
    hashes = hashed(rows)
    for one, its in zip(rows, hashes, strict=True):
        assert [its == other for other in hashes] == [plain(one) == plain(other) for other in rows]


def test_a_hash_does_not_depend_on_the_other_rows():
    rows = [(1.0, np.nan, "a", None, np.datetime64(5, "us")), (2.0, 1.0, "b", "a", np.datetime64("NaT", "us"))]
    assert hashed(rows[1:]) == hashed(rows)[1:]
    assert hashed(rows[:1]) == hashed(rows)[:1]
