"""A stored prediction as a row of the table: what it reads back to, and what cannot be one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_orchestration.data.harvest.cells import PREDICTION_ID, CellWriter, NoRow
from model_orchestration.data.harvest.table import WRITTEN_AS, joined, written
from tabular.adapters.mongo.documents import document_of, prediction_of
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.table import clean, encode
from tabular.encoding.row import RowCodec, matrix
from tabular.errors import Rejected
from tabular.predictions.prediction import Prediction
from tests.unit.any_contract import contracts, near_records, quick

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def prediction(contract: Contract, values: dict[str, Any], label: Any, **changes: Any) -> Prediction:
    fields = {"id": "p-1", "made_at": NOON, "table": contract.table.name, "run_id": "run", "source": "api"}
    made = Prediction(**fields, contract=contract.digest, row=values, score=0.5, label=label)
    return msgspec.structs.replace(made, **changes)


def some_label(contract: Contract) -> st.SearchStrategy[Any]:
    if contract.target.classes:
        return st.sampled_from(contract.target.classes)
    return st.floats(1, 60)


def table_of(contract: Contract, *rows: dict[str, str]) -> pd.DataFrame:
    body = written(joined(contract, pd.DataFrame(), rows).cells)
    return read_table(body, WRITTEN_AS).cells


@quick
@given(st.data())
def test_a_stored_prediction_reads_back_to_the_same_model_input_for_any_contract(data):
    contract = data.draw(contracts())
    try:
        row = RowCodec(contract).parse(data.draw(near_records(contract)))
    except Rejected:
        return
    values = dict(zip(contract.feature_names, row.values, strict=True))
    stored = prediction_of(document_of(prediction(contract, values, data.draw(some_label(contract)))))
    begin = contract.target.minutes_between[0] if contract.target.minutes_between else None
    if any(feature.column == begin and stored.row[feature.name] is None for feature in contract.features):
        with pytest.raises(NoRow, match="beginning"):  # there is nothing to count the minutes from
            CellWriter(contract).row(stored)
        return
    cells = CellWriter(contract).row(stored).cells
    unfiltered = msgspec.structs.replace(contract, filters=())
    table = clean(unfiltered, table_of(contract, cells))
    assert encode(contract, table.features).tobytes() == matrix([row]).tobytes()


@pytest.mark.parametrize("label", ["no", "yes"])
def test_the_label_is_the_target_and_the_score_is_in_no_cell(tiny_contract, label):
    contract = tiny_contract()
    values = {"age in years": 30, "class": "A", "stars": "2", "weight": 0.25}
    cells = CellWriter(contract).row(prediction(contract, values, label, score=0.8125)).cells
    assert cells == {"Age": "30", "Class": "A", "Stars": "2", "Weight": "0.25", "Y": label, PREDICTION_ID: "p-1"}


def test_a_category_that_the_contract_does_not_list_is_missing_in_the_table_as_it_was_to_the_model(tiny_contract):
    contract = tiny_contract()
    values = {"age in years": 30, "class": "Z", "stars": "2", "weight": 0.25}
    row = CellWriter(contract).row(prediction(contract, values, "yes", unknown=("class",)))
    assert (row.cells["Class"], row.as_missing) == ("", ("class",))


def test_a_category_that_is_still_to_be_learnt_is_written_as_it_was_sent(tiny_contract):
    def learns(file: dict[str, Any]) -> None:
        file["features"][1] |= {"categories": "learn", "example": "A"}

    contract = tiny_contract("binary", learns)
    values = {"age in years": 30, "class": 'München, Süd;\n"West"', "stars": "2", "weight": 0.25}
    row = CellWriter(contract).row(prediction(contract, values, "yes", unknown=("class",)))
    assert row.as_missing == ()
    assert clean(contract, table_of(contract, row.cells)).features["class"].tolist() == [values["class"]]


@pytest.mark.parametrize(
    ("values", "label", "why"),
    [
        ({"age in years": 30, "class": "A", "stars": "2"}, "yes", "without the feature weight"),
        ({"age in years": 300, "class": "A", "stars": "2", "weight": 0.25}, "yes", "age in years is not valid"),
        ({"age in years": 30, "class": "A", "stars": "2", "weight": 0.25}, "maybe", "no class of the contract"),
        ({"age in years": 30, "class": "A", "stars": "2", "weight": 0.25}, None, "no class of the contract"),
    ],
)
def test_what_is_not_valid_under_todays_contract_is_no_row(tiny_contract, values, label, why):
    contract = tiny_contract()
    with pytest.raises(NoRow, match=why):
        CellWriter(contract).row(prediction(contract, values, label))


@pytest.mark.parametrize("label", ["yes", float("nan"), float("inf"), 1e300, -1.0, 99.0])
def test_a_number_that_the_target_may_not_be_is_no_row(tiny_contract, label):
    def strict(file: dict[str, Any]) -> None:
        file["target"]["non_negative"] = True
        file["table"]["missing_tokens"] = ["99"]

    contract = tiny_contract("regression", strict)
    values = {"age in years": 30, "class": "A", "stars": "2", "weight": 0.25}
    with pytest.raises(NoRow):
        CellWriter(contract).row(prediction(contract, values, label))


def ends_later(file: dict[str, Any]) -> None:
    file["features"].append(
        {"name": "begin", "column": "Begin", "kind": "datetime", "description": "Made up.", "example": "2024-05-31"}
    )
    file["target"] |= {"column": "minutes", "minutes_between": ["Begin", "End"]}
    file["derived"] = [{"name": "hour", "operation": "hour", "of": ["begin"]}]


@quick
@given(label=st.floats(-1e4, 1e4))
def test_a_derived_target_is_written_as_its_second_column_exact_to_a_microsecond(tiny_contract, label):
    contract = tiny_contract("regression", ends_later)
    values = {"age in years": 30, "class": "A", "stars": "2", "weight": 0.25, "begin": "2024-05-31T14:05:00"}
    cells = CellWriter(contract).row(prediction(contract, values, label)).cells
    read = clean(contract, table_of(contract, cells)).target.iloc[0]
    assert abs(read - label) * 60e6 <= 0.5 + 1e-3
    assert "minutes" not in cells


def test_whole_seconds_of_a_derived_target_read_back_to_the_bit(tiny_contract):
    contract = tiny_contract("regression", ends_later)
    values = {"age in years": 30, "class": "A", "stars": "2", "weight": 0.25, "begin": "2024-05-31T14:05:00"}
    labels = [seconds / 60 for seconds in range(1, 4_000, 7)]
    writer = CellWriter(contract)
    rows = [writer.row(prediction(contract, values, label, id=f"p{at}")).cells for at, label in enumerate(labels)]
    assert clean(contract, table_of(contract, *rows)).target.tolist() == labels


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(split={"time_column": "When"}),
        lambda file: file.update(split={"group_column": "Household"}),
        lambda file: file.update(filters=[{"column": "Country", "one_of": ["A"]}]),
    ],
)
def test_a_contract_that_needs_a_column_which_no_prediction_has_is_refused_with_the_remedy(tiny_contract, change):
    with pytest.raises(Rejected, match=r"which is no feature.*Make it a feature"):
        CellWriter(tiny_contract("binary", change))


def test_rows_of_the_parent_give_way_to_the_same_id_and_to_the_same_prediction(tiny_contract):
    contract = tiny_contract("binary", lambda file: file["table"].update(id_column="Id"))
    parent = pd.DataFrame({"Id": ["1", "2", ""], "Age": ["30", "31", "32"], PREDICTION_ID: ["", "", "p-9"]})
    new = [{"Id": "2", "Age": "40", PREDICTION_ID: "p-1"}, {"Id": "", "Age": "41", PREDICTION_ID: "p-9"}]
    table = joined(contract, parent, new)
    assert table.cells["Age"].tolist() == ["30", "40", "41"]
    assert (table.parent_rows, table.replaced_rows) == (1, 2)


def test_the_same_rows_give_the_same_bytes(tiny_contract):
    contract = tiny_contract()
    values = {"age in years": 30, "class": "A", "stars": "2", "weight": 0.25}
    rows = [CellWriter(contract).row(prediction(contract, values, "yes")).cells]
    first, again = (written(joined(contract, pd.DataFrame(), rows).cells) for _ in range(2))
    assert first == again
    np.testing.assert_array_equal(read_table(first).cells.to_numpy(), read_table(again).cells.to_numpy())
