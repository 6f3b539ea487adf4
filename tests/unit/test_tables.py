"""Several tables in one stack: which they are, and which run, model and streams each has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabular.errors import InvalidContract, InvalidSetting
from tabular.settings import load_settings, with_values
from tabular.wiring import Wiring

TWO = "credit_card_churn,taxi_rides"


def wired(**environ: str) -> list[Wiring]:
    return Wiring(load_settings(environ)).for_tables()


def test_without_tables_the_one_of_contract_is_served():
    (only,) = wired(CONTRACT="contracts/taxi_rides.toml", RUN_ID="abc")
    assert only.contract.table.name == "taxi_rides"
    assert only.pinned_run == "abc"
    assert only.stream_name("predictions") == "predictions"


def test_each_table_has_its_contract_model_and_streams_and_the_first_keeps_the_names():
    first, second = wired(TABLES=f"{TWO}", MODEL_NAME="mine")
    assert [first.contract.table.name, second.contract.table.name] == ["credit_card_churn", "taxi_rides"]
    assert [first.model_name, second.model_name] == ["mine", "taxi_rides"]
    assert [one.stream_name("r") for one in (first, second)] == ["r", "r-taxi_rides"]
    assert [one.path_prefix for one in (first, second)] == ["", "/tables/taxi_rides"]
    assert second.settings.contract == Path("contracts/taxi_rides.toml")


def test_a_table_may_be_named_by_its_file():
    (first, second) = wired(TABLES="contracts/taxi_rides.toml, telecom_churn")
    assert [first.contract.table.name, second.contract.table.name] == ["taxi_rides", "telecom_churn"]


def test_run_id_is_the_first_s_and_each_other_has_a_variable_of_its_own():
    first, second = wired(TABLES=TWO, RUN_ID="one", RUN_ID_TAXI_RIDES="two")
    assert [first.pinned_run, second.pinned_run] == ["one", "two"]
    first, second = wired(TABLES=TWO, RUN_IDS="taxi_rides=two, credit_card_churn=one")
    assert [first.pinned_run, second.pinned_run] == ["one", "two"]
    first, second = wired(TABLES=TWO, RUN_ID="one", RUN_ID_TAXI_RIDES="")
    assert [first.pinned_run, second.pinned_run] == ["one", ""]


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"TABLES": f"{TWO},taxi_rides"}, "contracts/taxi_rides.toml is there twice. Name each table once"),
        ({"TABLES": " , "}, "it names no table. Leave it empty for CONTRACT's alone"),
        ({"TABLES": TWO, "RUN_ID_IRIS": "x"}, "RUN_ID_IRIS='x' cannot be used: this stack has no such table"),
        ({"RUN_ID_TAXI_RIDES": "x"}, "Its tables are credit_card_churn"),
        ({"TABLES": TWO, "RUN_IDS": "taxi_rides"}, "'taxi_rides' cannot be used: it must be TABLE=RUN"),
        ({"TABLES": TWO, "RUN_ID": "a", "RUN_ID_CREDIT_CARD_CHURN": "b"}, "both pin a run of credit_card_churn"),
        ({"TABLES": TWO, "RUN_IDS": "taxi_rides=a", "RUN_ID_TAXI_RIDES": "b"}, "taxi_rides has two pinned runs, a and"),
    ],
)
def test_what_cannot_be_meant_is_rejected_with_the_remedy(environ, why):
    with pytest.raises(InvalidSetting) as caught:
        _ = [one.pinned_run for one in wired(**environ)]
    assert why in str(caught.value)


def test_one_table_is_chosen_by_its_name_or_its_file_and_another_is_rejected_with_those_that_there_are():
    stack = Wiring(load_settings({"TABLES": TWO, "DATASET_CSV": "mine.csv"}))
    assert stack.for_table("taxi_rides").contract.table.name == "taxi_rides"
    assert stack.for_table("").contract.table.name == "credit_card_churn"
    assert [one.settings.dataset_csv for one in stack.for_tables()] == ["mine.csv", ""]
    by_file = Wiring(with_values(stack.settings, contract="contracts/taxi_rides.toml")).for_table("")
    assert by_file.model_name == "taxi_rides"
    with pytest.raises(InvalidSetting, match=r"no table 'iris'\. Its tables are credit_card_churn, taxi_rides"):
        stack.for_table("iris")
    other = Wiring(with_values(stack.settings, contract="contracts/telecom_churn.toml"))
    with pytest.raises(InvalidSetting, match="is none of TABLES='credit_card_churn,taxi_rides': add it there"):
        other.for_table("")


def test_a_table_without_a_contract_is_told_with_those_that_there_are():
    with pytest.raises(InvalidContract, match=r"no file contracts/nowhere\.toml\. There are: \w+, "):
        wired(TABLES="credit_card_churn,nowhere")


def test_two_tables_of_one_name_are_rejected(tmp_path):
    text = Path("contracts/taxi_rides.toml").read_text()
    (tmp_path / "other.toml").write_text(text.replace('name = "taxi_rides"', 'name = "Taxi-Rides"', 1))
    with pytest.raises(InvalidSetting, match="taxi_rides and Taxi-Rides have the same name"):
        wired(TABLES=f"taxi_rides,{tmp_path}/other.toml")
