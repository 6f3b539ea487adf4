"""Files of labels: what is read, and what is refused."""

from __future__ import annotations

import pytest

from reporting.labels import read_labels
from tabular.errors import InvalidTable


def test_labels_are_classes_in_any_letter_case(contract):
    body = b"label,prediction_id\nattrited customer,a1\nExisting Customer,b2\n"
    assert read_labels(body, contract) == [("a1", "Attrited Customer"), ("b2", "Existing Customer")]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"prediction_id,outcome\na1,Attrited Customer\n", "label: is missing from the file"),
        (b"id,label\na1,Attrited Customer\n", "prediction_id: is missing from the file"),
        (b"prediction_id,label\na1,Existing Customer\nb2,left\n", "row 2, label: cannot be 'left'"),
        (b"prediction_id,label\n,Existing Customer\n", "row 1, prediction_id: is empty"),
        (b"prediction_id,label\na1\n", "row 1"),
        (b"", "the file is empty"),
        (b"\xff\xfe", "not text in UTF-8"),
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
