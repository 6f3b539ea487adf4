"""Whatever a table holds: its draft is a valid contract under which every row of it is valid (hypothesis)."""

from __future__ import annotations

import tomllib

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_orchestration.data.suspects import suspects
from tabular.contract.json_schema import record_schema
from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults
from tabular.data.table import clean, public_records
from tabular.drafting.draft import Draft, Request, draft_contract
from tabular.encoding.row import RowCodec
from tabular.errors import InvalidTable

ROWS = 40
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.strip)
tokens = st.sampled_from(["", "?", "NA", "None", "unknown", "-", "nan", "(missing)", "(unknown)", "NULL", "."])
numerals = st.sampled_from(
    ["007", "3", "3.0", "1e3", "+4", "-999", ".5", "1e99", "1e100", "-1e308", "9" * 30, "1e-320"]
)
words = st.sampled_from(
    ["yes", "Yes", "no", "TRUE", "true", "a b", 'q"uo\\te', "é", "e\u0301", "10-20", "<5", "\x7f", "a\nb"]
)
numbers = st.integers(-(10**18), 10**18).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
small = st.integers(0, 9).map(str)
dates = st.dates().map(str) | st.datetimes().map(str)
cells = [
    small,
    numbers,
    words,
    texts,
    dates,
    small | tokens,
    numbers | tokens,
    words | tokens,
    words | small | numerals,
]

targets = [*[st.sampled_from(each) for each in (["yes", "no"], ["0", "1"], ["a", "b", "c"])], numbers, words | tokens]


@st.composite
def tables(draw) -> pd.DataFrame:
    """A table of text cells as a CSV is read; the columns' names may be anything, their cells of one sort or mixed.

    The last is nearly always fit to be a target.
    """
    names = draw(st.lists(texts.filter(bool), min_size=3, max_size=6, unique=True))
    columns = {}
    for name in names:
        is_target = name == names[-1]
        sort = draw(st.sampled_from(targets if is_target else cells))
        some = draw(st.lists(sort, min_size=2, max_size=12, unique=is_target))
        rows = draw(st.lists(st.integers(0, len(some) - 1), min_size=ROWS, max_size=ROWS))
        columns[name] = [some[at] for at in ([0, 1, *rows[2:]] if is_target else rows)]
    return pd.DataFrame(columns, dtype="str")


def drafted(raw: pd.DataFrame) -> Draft | InvalidTable:
    try:
        return draft_contract(raw, Request("any", raw.columns[-1], "any.csv"))
    except InvalidTable as error:
        return error


def assert_every_row_is_valid(draft: Draft, raw: pd.DataFrame) -> None:
    contract = msgspec.convert(tomllib.loads(draft.text), Contract)
    assert contract == draft.contract
    assert contract_faults(contract) == []
    table = clean(contract, raw)
    assert len(raw) - draft.invalid_rows <= len(table) <= len(raw)
    assert len(table) < len(raw) or not draft.invalid_rows
    codec = RowCodec(contract)
    for record in (*public_records(contract, table.features), contract.example):
        assert codec.decode(msgspec.json.encode(record)).unknown == ()
    assert record_schema(contract)["properties"].keys() == set(contract.feature_names)


def test_every_row_of_a_random_table_is_valid_under_its_draft():
    outcomes = []

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(raw=tables())
    def attempt(raw: pd.DataFrame) -> None:
        outcome = drafted(raw)
        outcomes.append(isinstance(outcome, Draft))
        if isinstance(outcome, Draft):
            assert_every_row_is_valid(outcome, raw)
        else:
            assert outcome.faults, "it names what stands in the way"

    attempt()
    assert sum(outcomes) > 0.5 * len(outcomes), "the property would otherwise say little"


@pytest.mark.parametrize("target", ["a", "b"])
def test_a_table_of_two_equal_columns_says_that_no_feature_is_left(target):
    raw = pd.DataFrame({"a": ["x", "y"] * 50, "b": ["x", "y"] * 50}, dtype="str")
    with pytest.raises(InvalidTable, match=r"no column is left .* predicts the target by itself \(ROC-AUC 1\.000"):
        draft_contract(raw, Request("any", target, "any.csv", suspects=suspects))
