"""The facts of a file's cells, by columns: the same that looking at each row finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.data.rows.source_facts import repeated_ids, repeated_rows, source_facts

CELLS = st.sampled_from(["", "a", "b", "1", "1.0", "01", "é"])


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=40))
def test_repeats_are_those_that_pandas_finds(rows):
    cells = pd.DataFrame(rows, columns=["a", "b", "c"], dtype="str")
    assert repeated_rows(cells).tolist() == cells.duplicated().tolist()
    ids = cells["a"]
    assert repeated_ids(ids).tolist() == (ids.duplicated() & (ids != "")).tolist()


def test_rows_of_equal_cells_in_other_columns_are_no_repeats():
    cells = pd.DataFrame({"a": ["x", "y", "x"], "b": ["y", "x", "y"]}, dtype="str")
    assert repeated_rows(cells).tolist() == [False, False, True]


def facts(tiny_contract, rows=2_000, kept=None, **columns):
    frame = {"Age": ["30", "31"] * (rows // 2), "Y": [str(row) for row in range(rows)]}
    return source_facts(tiny_contract(), pd.DataFrame(frame | columns, dtype="str"), kept)


def rising(rows=2_000):
    return (np.arange(rows) // 3).astype(str)


@pytest.mark.parametrize("at", [5, 1_500])
@pytest.mark.parametrize(("cell", "is_ordered"), [("0", False), ("", False), ("x", False), (None, True)])
def test_a_column_that_falls_anywhere_is_not_in_order(tiny_contract, at, cell, is_ordered):
    column = rising().astype(object)
    column[at] = column[at] if cell is None else cell
    assert facts(tiny_contract, When=column).ordered == (("When",) if is_ordered else ())


def test_the_target_and_a_row_number_are_no_order(tiny_contract):
    found = facts(tiny_contract, Number=[str(row) for row in range(2_000)], Same=["7"] * 2_000)
    assert found.ordered == ()


def test_dates_are_known_by_the_first_rows(tiny_contract):
    days = pd.date_range("2024-01-01", periods=2_000).strftime("%Y-%m-%d").to_numpy(dtype=object)
    days[:3] = "?"
    assert facts(tiny_contract, Day=days).dates == ("Day",)
    assert facts(tiny_contract, Day=["2024-01-01"] * 2_000).dates == ()


def test_rows_that_are_left_out_are_not_compared_and_rows_are_numbered_as_in_the_file(tiny_contract):
    everything = facts(tiny_contract, rows=12, Y=["a"] * 12)
    assert (everything.repeated_rows, everything.compared_rows, everything.has_ids) == (10, 12, False)
    assert [each.row for each in everything.repeats] == [2, 3, 4, 5, 6]
    some = facts(tiny_contract, rows=12, kept=pd.Index([1, 3, 4]), Y=["a"] * 12)
    assert (some.rows, some.compared_rows, some.repeated_rows, some.repeats[0].row) == (12, 3, 1, 3)


def test_row_numbers_of_a_file_that_lost_rows_are_no_order(tiny_contract):
    """As a public cleaning of a table has them: the index of the file that it was made of."""
    kept = np.sort(np.random.default_rng(0).choice(3_000, 2_000, replace=False))
    assert facts(tiny_contract, Number=kept.astype(str)).ordered == ()
    assert facts(tiny_contract, Number=(kept * 7).astype(str)).ordered == ("Number",)
