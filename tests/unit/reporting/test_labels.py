"""Files of labels: what is read, and what is refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pandas as pd
import pytest

from reporting.labels import main, summary
from tabular.errors import InvalidTable
from tabular.labels.file import read_label_file
from tabular.labels.reading import Labels
from tabular.ports.labels import LabelCounts

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read_labels(body, contract):
    """The ids and outcomes of a file, and how many of its rows are blank."""
    labels = read_label_file(body, contract, NOON)
    return [(one.prediction_id, one.outcome) for one in labels.known], labels.blank


def test_labels_are_classes_in_any_letter_case(contract):
    body = b"outcome,prediction_id\nattrited customer,a1\nExisting Customer,b2\n"
    assert read_labels(body, contract) == ([("a1", "Attrited Customer"), ("b2", "Existing Customer")], 0)


@pytest.mark.parametrize("blank", ["", " ", '""', "Unknown", " unknown "])
def test_labels_that_are_not_known_yet_are_left_out_and_counted(contract, blank):
    body = f"prediction_id,outcome\na1,{blank}\nb2,Existing Customer\nc3,{blank}\n,\n"
    assert read_labels(body.encode(), contract) == ([("b2", "Existing Customer")], 3)
    assert summary(Labels([], 3), LabelCounts()).endswith("; rows left out because they have no label yet: 3.")


def test_one_prediction_with_two_outcomes_is_refused_with_both_rows(contract):
    rows = ["a1,Existing Customer", "b2,Existing Customer", "c3,", "a1,attrited customer", "A1,Attrited Customer"]
    with pytest.raises(InvalidTable, match="2 rows are at fault") as refused:
        read_labels("\n".join(["prediction_id,outcome", *rows]).encode(), contract)
    problem = "'a1' has the label 'Existing Customer' in row 1 and 'Attrited Customer' in row 4"
    assert (refused.value.faults[0].problem, refused.value.faults[0].row) == (problem, 4)
    assert "'a1'" in refused.value.faults[1].problem


def test_two_numbers_for_one_prediction_are_refused_and_one_number_in_two_spellings_is_not(tiny_contract):
    contract = tiny_contract("regression")
    assert read_labels(b"prediction_id,outcome\na,1.5\na,1.50\na,15e-1\n", contract) == ([("a", 1.5)], 0)
    with pytest.raises(InvalidTable, match=r"'a' has the label 1\.5 in row 1 and 1\.6 in row 2"):
        read_labels(b"prediction_id,outcome\na,1.5\na,1.6\n", contract)


def test_the_same_outcome_twice_is_one_label(contract):
    body = b"prediction_id,outcome\na1,Existing Customer\na1,\nA1,EXISTING customer\n"
    assert read_labels(body, contract) == ([("a1", "Existing Customer")], 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"prediction_id,label\na1,Attrited Customer\n", "outcome: is missing from the file"),
        (b"id,outcome\na1,Attrited Customer\n", "prediction_id: is missing from the file"),
        (
            b"prediction_id,outcome\na1,Existing Customer\nb2,left\n",
            "1 row is at fault; row 2, outcome: cannot be 'left'",
        ),
        (b"prediction_id,outcome\n,Existing Customer\n", "row 1, prediction_id: is empty"),
        (b"prediction_id,outcome\na1\n", "row 1"),
        (b"", "the file is empty"),
        (b"\xff\xfd", "not text in UTF-8"),
    ],
)
def test_a_file_that_is_not_labels_is_refused_by_name(contract, body, told):
    with pytest.raises(InvalidTable, match=told):
        read_labels(body, contract)


def test_a_file_with_many_faults_counts_them_and_tells_the_first(contract):
    body = b"prediction_id,outcome\n" + b"a,left\n" * 50
    with pytest.raises(InvalidTable, match="50 rows are at fault") as refused:
        read_labels(body, contract)
    assert len(refused.value.faults) == 10


def test_a_file_may_name_the_business_key_and_the_time_of_the_outcome(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(business_key="customer"))
    table = pd.DataFrame({"customer": ["c1", "", "c3"], "prediction_id": ["", "A2", ""], "outcome": ["yes", "no", "?"]})
    table["observed_at"], table["note"] = ["2026-02-01", "", ""], "ignored"
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    for body in (table.to_csv(index=False).encode(), parquet.getvalue()):
        labels = read_label_file(body, contract, NOON)
        assert [(one.business_key, one.prediction_id, one.outcome) for one in labels.known] == [
            ("c1", None, "yes"),
            (None, "a2", "no"),
        ]
        assert [one.observed_at for one in labels.known] == [datetime(2026, 2, 1, tzinfo=UTC), None]
        assert labels.blank == 1


def test_what_became_of_the_labels_is_told_in_a_sentence():
    labels = Labels([None] * 9, 1)
    assert summary(labels, LabelCounts(3, 1, 2, 2, 1)) == (
        "6 of 9 labels are attached to their predictions; 2 of them were before; 1 of them replace an earlier label; "
        "2 name no stored prediction of the table: they wait for it, 7 days at most; 1 name none and were put aside, "
        "for too many wait; rows left out because they have no label yet: 1."
    )


def test_a_file_that_cannot_be_read_is_told_in_words(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["labels", str(tmp_path / "none.csv")])
    assert main() == 1
    assert capsys.readouterr().err.endswith("none.csv are not attached: No such file or directory\n")
