"""Rows that a contract's filters leave out of the table."""

from __future__ import annotations

import pytest

from model_orchestration.data.checks import check
from tabular.contract.rows.filters import Filter, filter_faults
from tabular.data.prepared import prepare
from tabular.data.synthetic import make_table
from tabular.errors import InvalidTable

HEADER = "Age,Class,Stars,Weight,Y,State\n"
ROWS = ["30,A,1,0.5,yes,paid", "31,B,2,0.1,no,TEST", "?,A,3,0.2,no,Paid", "33,B,1,,yes,", "40,A,2,1.5,no,open"]


@pytest.fixture
def kept(tiny_contract):
    """Cleans the rows under some filters: which are kept, by their place in the file, and how many are left out."""

    def clean_rows(*filters, rows=ROWS):
        contract = tiny_contract(change=lambda file: file.update(filters=list(filters)))
        table = prepare(contract, (HEADER + "\n".join(rows) + "\n").encode()).required
        assert len(table) + table.rows_left_out == len(rows)
        return table.features.index.tolist()

    return clean_rows


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ({"column": "State", "one_of": ["paid"]}, [0, 2]),
        ({"column": "State", "none_of": ["test", "open"]}, [0, 2, 3]),
        ({"column": "State", "none_of": ["test"], "not_missing": True}, [0, 2, 4]),
        ({"column": "Age", "min": 31}, [1, 3, 4]),
        ({"column": "Age", "max": 31.0}, [0, 1]),
        ({"column": "Age", "min": 31, "max": 33}, [1, 3]),
        ({"column": "Weight", "not_missing": True}, [0, 1, 2, 4]),
        ({"column": "Stars", "one_of": ["2.0"]}, [1, 4]),
    ],
)
def test_a_filter_keeps_the_rows_that_pass_it(kept, rule, rows):
    assert kept(rule) == rows


def test_a_row_is_kept_if_it_passes_every_filter(kept):
    assert kept({"column": "State", "one_of": ["paid", "open"]}, {"column": "Age", "min": 35}) == [4]


def test_a_cell_that_is_no_number_where_numbers_are_compared_is_named(kept):
    with pytest.raises(InvalidTable, match=r"row 1.*State.*'paid'|State.*row 1.*'paid'|State: holds 'paid'"):
        kept({"column": "State", "min": 1})
    with pytest.raises(InvalidTable, match=r"State.* is missing from the table"):
        kept({"column": "States", "one_of": ["paid"]}, {"column": "Stat", "not_missing": True})


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"column": "State"}, "compared with nothing"),
        ({"column": " State", "one_of": ["a"]}, "spaces around"),
        ({"column": "Y", "one_of": ["yes"]}, "is the target"),
        ({"column": "Age", "min": 3, "max": 2}, "rising order"),
        ({"column": "Age", "min": float("nan")}, "finite"),
        ({"column": "Age", "min": 3, "one_of": ["4"]}, "as a number and as text"),
    ],
)
def test_a_filter_that_means_nothing_is_a_fault_of_the_contract(tiny_contract, rule, fault):
    faults = filter_faults((Filter("State", one_of=("a",)), Filter(**rule)), "Y")
    assert [one for one in faults if one.startswith("filters.1: ") and fault in one]


def test_what_is_left_out_is_told_by_the_checks(tiny_contract):
    rule = {"column": "Age", "max": 60}
    contract = tiny_contract(change=lambda file: file.update(filters=[rule]))
    report = check(contract, make_table(contract, 600, seed=1))
    assert report.rows_left_out == 600 - report.rows > 0
    assert any("left out by the contract (the [[filters]] on Age)" in text for text in report.warnings)


def test_synthetic_rows_pass_a_filter_on_a_column_that_is_no_feature(tiny_contract):
    rules = [{"column": "State", "one_of": ["paid"]}, {"column": "Year", "min": 2020}]
    contract = tiny_contract(change=lambda file: file.update(filters=rules))
    assert len(prepare(contract, make_table(contract, 200, seed=1)).required) == 200
