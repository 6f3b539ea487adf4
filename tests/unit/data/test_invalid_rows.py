"""`on_invalid = "drop"`: rows that the contract rejects are left out, counted and listed, up to a share of them."""

from __future__ import annotations

import pandas as pd
import pytest

from model_orchestration.data.checks import check
from tabular.data.invalid_cells import MAX_FAULTS_LISTED
from tabular.data.reading import read_table
from tabular.data.table import clean
from tabular.errors import InvalidTable

HEADER = "Age,Class,Stars,Weight,Y"
GOOD = ["30,A,1,0.5,yes", "40,B,3,-0.5,no", "?,?,?,?,no"] * 20
BAD = {7: "130,A,1,0.5,yes", 21: "30,Z,1,far,no", 40: "30,A,1,0.5,"}


def table(rows=GOOD, bad=BAD):
    rows = list(rows)
    for row, text in sorted(bad.items()):
        rows.insert(row - 1, text)
    return "\n".join([HEADER, *rows]).encode()


@pytest.fixture
def dropping(tiny_contract):
    def make(**source):
        return tiny_contract(change=lambda file: file.update(source={"on_invalid": "drop", **source}))

    return make


def test_invalid_rows_are_dropped_counted_and_listed_by_row(dropping):
    contract = dropping()
    cleaned, good = clean(contract, read_table(table()).cells), clean(contract, read_table(table(bad={})).cells)
    assert (cleaned.dropped.count, cleaned.dropped.rows, len(cleaned)) == (3, 63, 60)
    named = [(fault.row, fault.field, fault.given) for fault in cleaned.dropped.faults]
    assert named == [(7, "Age", "130"), (21, "Class", "Z"), (21, "Weight", "far"), (40, "Y", "")]
    assert cleaned.features.index.tolist() == [row for row in range(63) if row + 1 not in BAD]
    pd.testing.assert_frame_equal(cleaned.features.reset_index(drop=True), good.features)
    assert cleaned.target.tolist() == good.target.tolist()
    assert cleaned.raw_target.tolist() == good.raw_target.tolist()
    assert good.dropped.count == 0


def test_they_are_refused_where_the_contract_does_not_say_drop(tiny_contract):
    with pytest.raises(InvalidTable, match="row 7, Age: holds '130'"):
        clean(tiny_contract(), read_table(table()).cells)


@pytest.mark.parametrize(("most", "drops"), [(0.0, False), (0.04, False), (0.05, True), (3 / 63, True)])
def test_more_than_the_share_is_an_error_that_names_the_setting(dropping, most, drops):
    contract = dropping(max_dropped_share=most)
    if drops:
        assert clean(contract, read_table(table()).cells).dropped.count == 3
        return
    with pytest.raises(InvalidTable) as error:
        clean(contract, read_table(table()).cells)
    first, *others = error.value.faults
    assert first.problem == "are not valid in 3 of 63 cases (4.8%)"
    assert first.allowed == f"at most {most:.1%}, which are dropped: max_dropped_share in the contract's [source]"
    assert [fault.row for fault in others] == [7, 21, 21, 40]


def test_a_broken_file_is_refused_all_the_same(dropping):
    with pytest.raises(InvalidTable, match="row 7, cells: are 2"):
        clean(dropping(), read_table(table(bad={7: "30,A"})).cells)


def test_the_list_is_bounded_and_has_the_first_rows(dropping):
    bad = {row: "130,A,1,0.5,yes" if row % 2 else "30,Z,1,0.5,yes" for row in range(2, 3_000, 2)}
    bad |= {row + 1: "130,A,1,0.5,yes" for row in range(2, 3_000, 4)}
    dropped = clean(dropping(max_dropped_share=0.9), read_table(table(GOOD * 50, bad)).cells).dropped
    assert dropped.count == len(bad)
    rows = [fault.row for fault in dropped.faults]
    assert rows == sorted(bad)[:MAX_FAULTS_LISTED]


def test_the_checks_warn_of_dropped_rows_and_name_rows_as_the_file_counts_them(dropping):
    contract = dropping()
    body = table(GOOD * 5, BAD)
    report = check(contract, body)
    assert (report.rows, report.dropped_rows) == (300, 3)
    assert report.warnings[0].startswith("3 of 303 rows were dropped as not valid under the contract")
    assert "row 7, Age: holds '130'" in report.warnings[0]
    # Exact repeats, which are named by the rows of the file: 7 is dropped, so that none of the repeats is row 7 itself.
    repeats = [fault.row for fault in report.errors if fault.field == "row"]
    lines = body.decode().splitlines()[1:]
    kept = [row for row in range(1, len(lines) + 1) if row not in BAD]
    first = {lines[row - 1]: row for row in reversed(kept)}
    assert repeats == [row for row in kept if first[lines[row - 1]] != row][:5]


def test_a_repeated_id_is_no_error_if_the_other_row_was_dropped(tiny_contract):
    def with_ids(file):
        file["table"]["id_column"] = "Id"
        file["source"] = {"on_invalid": "drop"}

    rows = [f"{number},{row}" for number, row in enumerate(GOOD * 3)]
    rows[4] = "5,130,A,1,0.5,yes"  # its id stands again in the next row
    body = "\n".join([f"Id,{HEADER}", *rows]).encode()
    report = check(tiny_contract(change=with_ids), body)
    assert report.errors == ()
    assert report.dropped_rows == 1
    rows[9] = "5,30,A,1,0.5,yes"
    (fault,) = check(tiny_contract(change=with_ids), "\n".join([f"Id,{HEADER}", *rows]).encode()).errors
    assert (fault.row, fault.field, fault.given) == (10, "Id", "5")
