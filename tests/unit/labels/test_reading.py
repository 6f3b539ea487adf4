"""One reading of a label, whatever brings it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tabular.errors import InvalidRow
from tabular.labels.reading import MAX_FAULTS, LabelReader
from tabular.predictions.label import CLOCK_TOLERANCE, Label

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def with_key(tiny_contract):
    """A contract of any task whose rows have a business key."""
    return lambda task="binary": tiny_contract(task, lambda file: file["table"].update(business_key="customer"))


def read(contract, record) -> Label | None:
    return LabelReader(contract, "api").read(record, NOON)


def faults(contract, record) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRow) as refused:
        read(contract, record)
    return [(fault.field, fault.problem) for fault in refused.value.faults]


def test_a_label_names_its_prediction_or_its_business_key(with_key):
    contract = with_key()
    told = {"table": "tiny", "outcome": "yes", "received_at": NOON, "source": "api"}
    assert read(contract, {"prediction_id": " A1-B2 ", "outcome": "YES"}) == Label(prediction_id="a1-b2", **told)
    assert read(contract, {"customer": 7, "outcome": "yes"}) == Label(business_key="7", **told)
    assert read(contract, {"customer": "7", "prediction_id": None, "outcome": "yes"}).business_key == "7"


@pytest.mark.parametrize(("given", "at"), [("2026-02-01", (1, 0)), ("2026-02-01T02:00+02:00", (1, 0)), (None, None)])
def test_the_time_of_the_outcome_is_utc(tiny_contract, given, at):
    observed_at = at and datetime(2026, 2, *at, tzinfo=UTC)
    found = read(tiny_contract(), {"prediction_id": "a", "outcome": "no", "observed_at": given})
    assert found.observed_at == observed_at
    assert found.known_at == (observed_at or NOON)


@pytest.mark.parametrize(
    ("observed_at", "known_by"),
    [
        (NOON - timedelta(minutes=1), NOON - timedelta(minutes=1)),
        (None, NOON),
        (NOON.replace(hour=0), NOON),  # today: it was known when it came in, at the latest
        (NOON.replace(hour=0) - timedelta(days=1), NOON.replace(hour=0) - timedelta(microseconds=1)),
        (NOON.replace(hour=0) + timedelta(days=1), NOON.replace(hour=0) + timedelta(days=1)),  # a clock that is ahead
    ],
)
def test_a_date_alone_was_known_by_the_end_of_that_day(observed_at, known_by):
    label = Label(table="tiny", prediction_id="a", outcome=1.0, observed_at=observed_at, received_at=NOON, source="api")
    assert label.known_by == known_by + CLOCK_TOLERANCE


@pytest.mark.parametrize("blank", [None, "", "  ", "?"])
def test_what_is_not_known_yet_is_no_label(tiny_contract, blank):
    assert read(tiny_contract(), {"prediction_id": "a", "outcome": blank}) is None


def test_of_a_regression_the_label_is_a_number_in_any_spelling(tiny_contract):
    contract = tiny_contract("regression")
    assert [read(contract, {"prediction_id": "a", "outcome": given}).outcome for given in (7, 7.0, "7.0", "7e0")] == [
        7.0
    ] * 4
    for given in (True, "much", 10**400, [1], {"a": 1}, 1e300):
        assert faults(contract, {"prediction_id": "a", "outcome": given})[0][0] == "outcome"


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"outcome": "yes"}, [("prediction_id", "is missing")]),
        ({"prediction_id": "a"}, [("outcome", "is missing")]),
        (
            {"prediction_id": "a", "customer": "c", "outcome": "yes"},
            [("prediction_id", "is there, and so is customer")],
        ),
        ({"prediction_id": "", "outcome": "yes"}, [("prediction_id", "is empty")]),
        ({"prediction_id": 7, "outcome": "yes"}, [("prediction_id", "is empty")]),
        ({"prediction_id": "a b", "outcome": "yes"}, [("prediction_id", "is no id")]),
        ({"customer": True, "outcome": "yes"}, [("customer", "cannot be a key")]),
        ({"prediction_id": "a", "outcome": "left"}, [("outcome", "cannot be 'left'")]),
        ({"prediction_id": "a", "outcome": "yes", "when": 1}, [("when", "is no field of a label")]),
        ({"prediction_id": "a", "outcome": "yes", "observed_at": "soon"}, [("observed_at", "is no date or time")]),
        ({"prediction_id": "a", "outcome": "yes", "observed_at": 1}, [("observed_at", "is no date or time")]),
        ({"prediction_id": "a", "outcome": "yes", "observed_at": "2026-03-09"}, [("observed_at", "is yet to come")]),
        ({"outcome": "left", "x": 1}, [("x", "is no field of a label"), ("prediction_id", "is missing")]),
        ([1], [("record", "is not an object")]),
        ("text", [("record", "is not an object")]),
    ],
)
def test_every_fault_names_its_field(with_key, record, told):
    assert faults(with_key(), record)[: len(told)] == told


def test_a_contract_without_a_key_takes_ids_alone(tiny_contract):
    assert faults(tiny_contract(), {"customer": "c", "outcome": "yes"}) == [
        ("customer", "is no field of a label"),
        ("prediction_id", "is missing"),
    ]


def test_many_records_are_read_all_or_none_and_each_prediction_once(with_key):
    reader = LabelReader(with_key(), "stream")
    good = [
        {"prediction_id": "A", "outcome": "yes"},
        {"customer": "c", "outcome": None},
        {"prediction_id": "a", "outcome": "yes"},
    ]
    labels = reader.read_all(good, NOON)
    assert ([one.prediction_id for one in labels.known], labels.blank) == (["a"], 1)
    with pytest.raises(InvalidRow, match="2 rows are at fault") as refused:
        reader.read_all(
            [*good, {"prediction_id": "b", "outcome": "left"}, {"outcome": "no", "prediction_id": "a"}], NOON
        )
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(3, "outcome"), (4, "prediction_id")]
    assert refused.value.faults[1].problem == "'a' has the label 'yes' in row 0 and 'no' in row 4"


def test_of_many_faults_the_first_are_named_and_all_are_counted(with_key):
    with pytest.raises(InvalidRow) as refused:
        LabelReader(with_key(), "api").read_all([{}] * 300, NOON)
    assert len(refused.value.faults) == MAX_FAULTS
    assert refused.value.fault_count == 600


def test_a_clock_that_is_a_little_ahead_is_no_fault(tiny_contract):
    ahead = (NOON + timedelta(hours=14)).isoformat()
    assert read(tiny_contract(), {"prediction_id": "a", "outcome": "no", "observed_at": ahead}) is not None
