"""What is told of the rows later: which outcomes, whose, when; and planted concept drift."""

from __future__ import annotations

from random import Random

import pytest

from simulation_business import labels
from simulation_business.labels import Outcomes
from simulation_business.rows import Row
from simulation_business.shifts import parse_shifts
from tabular.errors import Rejected

RECORD = {"age in years": 40, "class": "A", "stars": "2", "weight": 0.5}


def with_key(file):
    file["table"]["business_key"] = "customer"


def row(number=0, outcome="no", key="C-1"):
    return Row(number=number, record=RECORD, outcome=outcome, business_key=key)


def outcomes(contract, *, delay_seconds=10.0, share=1.0, by_key=True):
    return Outcomes(contract, delay_seconds, share, by_key, Random(0))


def test_a_request_has_its_key_beside_its_features(tiny_contract):
    with_a_key = outcomes(tiny_contract(change=with_key))
    assert with_a_key.request(row()) == {**RECORD, "customer": "C-1"}
    assert with_a_key.request(row(key=None)) == RECORD
    assert outcomes(tiny_contract()).request(row()) == RECORD


def test_an_outcome_names_the_key_of_its_row_or_its_prediction(tiny_contract):
    contract = tiny_contract(change=with_key)
    by_key, by_id = outcomes(contract), outcomes(contract, by_key=False)
    for told in (by_key, by_id):
        told.predicted(row(), "p1", 0.0)
        told.predicted(row(key=None), "p2", 0.0)
    assert by_key.due(10.0, 9) == [{"customer": "C-1", "outcome": "no"}, {"prediction_id": "p2", "outcome": "no"}]
    assert by_id.due(10.0, 9) == [{"prediction_id": each, "outcome": "no"} for each in ("p1", "p2")]


def test_an_outcome_is_told_when_it_is_due_and_once(tiny_contract):
    told = outcomes(tiny_contract())
    for at in range(3):
        told.predicted(row(), f"p{at}", float(at))
    assert told.wait_seconds(4.0) == 6.0
    assert told.due(9.9, 9) == []
    assert [each["prediction_id"] for each in told.due(11.0, 9)] == ["p0", "p1"]
    assert len(told) == 1
    assert told.due(100.0, 0) == []
    assert [each["prediction_id"] for each in told.due(100.0, 9)] == ["p2"]
    assert (told.due(100.0, 9), told.wait_seconds(100.0)) == ([], 0.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_outcomes_of_a_share_of_the_rows_are_told(tiny_contract, share):
    told = outcomes(tiny_contract(), share=share)
    for at in range(2_000):
        told.predicted(row(), f"p{at}", 0.0)
    assert len(told) == pytest.approx(2_000 * share, abs=5 * (2_000 * share * (1 - share)) ** 0.5)


def test_what_waits_is_bounded_and_what_is_missed_is_counted(tiny_contract, monkeypatch):
    monkeypatch.setattr(labels, "MAX_WAITING", 10)
    told = outcomes(tiny_contract())
    for at in range(12):
        told.predicted(row(), f"p{at}", 0.0)
    assert (len(told), told.missed) == (10, 2)
    assert told.due(10.0, 1)[0]["prediction_id"] == "p2"


def test_a_share_of_the_outcomes_is_flipped_and_of_one_row_always_the_same(tiny_contract):
    shifts = parse_shifts(tiny_contract(), ["outcome=flip:30%"])
    sent = [shifts.of(row(at)) for at in range(2_000)]
    flipped = [one.outcome == "yes" for one in sent]
    assert sum(flipped) == pytest.approx(600, abs=5 * (2_000 * 0.3 * 0.7) ** 0.5)
    assert {one.outcome for one in sent} == {"yes", "no"}
    assert all(one.record == RECORD for one in sent)
    assert [shifts.of(row(at)).outcome == "yes" for at in range(2_000)] == flipped


def test_a_flipped_outcome_of_many_classes_is_another_class(tiny_contract):
    contract = tiny_contract("multiclass")
    shifts = parse_shifts(contract, ["outcome=flip:100%"])
    found = {shifts.of(row(at, outcome="mid")).outcome for at in range(100)}
    assert found == set(contract.target.classes) - {"mid"}


@pytest.mark.parametrize(("text", "outcome"), [("outcome=+50%", 15.0), ("outcome=-4", 6.0), (" outcome = +1.5 ", 11.5)])
def test_the_outcome_of_a_regression_is_moved(tiny_contract, text, outcome):
    assert parse_shifts(tiny_contract("regression"), [text]).of(row(outcome=10.0)).outcome == outcome


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("binary", "outcome=+50%"),
        ("binary", "outcome=yes"),
        ("binary", "outcome=flip:0%"),
        ("binary", "outcome=flip:101%"),
        ("binary", "outcome=flip:30"),
        ("binary", "outcome"),
        ("regression", "outcome=flip:30%"),
    ],
)
def test_a_bad_shift_of_the_outcome_says_what_is_allowed(tiny_contract, task, text):
    allowed = "outcome=flip:30%" if task == "binary" else r"outcome=\+50%"
    with pytest.raises(Rejected, match=rf"outcome: cannot be shifted by .*allowed: {allowed}"):
        parse_shifts(tiny_contract(task), [text])


def test_inputs_and_outcomes_may_be_shifted_together(tiny_contract):
    sent = parse_shifts(tiny_contract(), ["age in years=+7", "outcome=flip:100%"]).of(row())
    assert (sent.record["age in years"], sent.outcome) == (47, "yes")


def test_a_feature_called_outcome_is_shifted_as_one(tiny_contract):
    contract = tiny_contract(change=lambda file: file["features"][0].update(name="outcome"))
    shifts = parse_shifts(contract, ["outcome=+7"])
    sent = shifts.of(Row(number=0, record={**RECORD, "outcome": 40}, outcome="no"))
    assert (sent.record["outcome"], sent.outcome) == (47, "no")
