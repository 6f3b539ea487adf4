"""Files of labels: what is read, and what is refused."""

from __future__ import annotations

import pytest

from reporting.labels import Attached, main, read_labels
from tabular.errors import InvalidTable


def test_labels_are_classes_in_any_letter_case(contract):
    body = b"label,prediction_id\nattrited customer,a1\nExisting Customer,b2\n"
    assert read_labels(body, contract) == ([("a1", "Attrited Customer"), ("b2", "Existing Customer")], 0)


@pytest.mark.parametrize("blank", ["", " ", '""', "Unknown", " unknown "])
def test_labels_that_are_not_known_yet_are_left_out_and_counted(contract, blank):
    body = f"prediction_id,label\na1,{blank}\nb2,Existing Customer\nc3,{blank}\n,\n"
    assert read_labels(body.encode(), contract) == ([("b2", "Existing Customer")], 3)
    assert str(Attached(1, 1, 3)).endswith("; rows left out because they have no label yet: 3.")


def test_one_prediction_with_two_outcomes_is_refused_with_both_rows(contract):
    rows = ["a1,Existing Customer", "b2,Existing Customer", "c3,", "a1,attrited customer", "A1,Attrited Customer"]
    with pytest.raises(InvalidTable, match="2 rows are at fault") as refused:
        read_labels("\n".join(["prediction_id,label", *rows]).encode(), contract)
    problem = "'a1' has the label 'Existing Customer' in row 1 and 'attrited customer' in row 4"
    assert (refused.value.faults[0].problem, refused.value.faults[0].row) == (problem, 4)
    assert "'A1'" in refused.value.faults[1].problem


def test_two_numbers_for_one_prediction_are_refused_and_one_number_in_two_spellings_is_not(tiny_contract):
    contract = tiny_contract("regression")
    assert read_labels(b"prediction_id,label\na,1.5\na,1.50\na,15e-1\n", contract) == ([("a", 1.5)], 0)
    with pytest.raises(InvalidTable, match=r"'a' has the label '1\.5' in row 1 and '1\.6' in row 2"):
        read_labels(b"prediction_id,label\na,1.5\na,1.6\n", contract)


def test_the_same_outcome_twice_is_one_label(contract):
    body = b"prediction_id,label\na1,Existing Customer\na1,\nA1,EXISTING customer\n"
    assert read_labels(body, contract) == ([("a1", "Existing Customer")], 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"prediction_id,outcome\na1,Attrited Customer\n", "label: is missing from the file"),
        (b"id,label\na1,Attrited Customer\n", "prediction_id: is missing from the file"),
        (b"prediction_id,label\na1,Existing Customer\nb2,left\n", "1 row is at fault; row 2, label: cannot be 'left'"),
        (b"prediction_id,label\n,Existing Customer\n", "row 1, prediction_id: is empty"),
        (b"prediction_id,label\na1\n", "row 1"),
        (b"", "the file is empty"),
        (b"\xff\xfd", "not text in UTF-8"),
    ],
)
def test_a_file_that_is_not_labels_is_refused_by_name(contract, body, told):
    with pytest.raises(InvalidTable, match=told):
        read_labels(body, contract)


def test_a_file_with_many_faults_counts_them_and_tells_the_first(contract):
    body = b"prediction_id,label\n" + b"a,left\n" * 50
    with pytest.raises(InvalidTable, match="50 rows are at fault") as refused:
        read_labels(body, contract)
    assert len(refused.value.faults) == 10


def test_a_file_that_cannot_be_read_is_told_in_words(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["labels", str(tmp_path / "none.csv")])
    assert main() == 1
    assert capsys.readouterr().err.endswith("none.csv are not attached: No such file or directory\n")
