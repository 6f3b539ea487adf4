"""Replaying rows: the order, the planted shifts, the pace."""

from __future__ import annotations

from itertools import islice

import pandas as pd
import pytest

from embedded.run import FIRST_WINDOW_ROWS
from model_orchestration.data.split import split
from simulation_business.replay import Pace, replay
from simulation_business.rows import Row
from simulation_business.shifts import parse_shifts
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.encoding.row import RowCodec
from tabular.errors import Rejected
from tabular.quality.drift import compare

RECORDS = [{"age in years": age, "class": "A", "stars": "2", "weight": None} for age in range(20)]


def rows(records, outcome="no"):
    return [Row(number=at, record=record, outcome=outcome) for at, record in enumerate(records)]


def shifted(contract, record, *texts):
    return parse_shifts(contract, texts).of(*rows([record])).record


def ages(seed, count):
    return [row.record["age in years"] for row in islice(replay(rows(RECORDS), seed), count)]


def test_every_round_sends_every_row_once_in_another_order():
    sent = ages(seed=1, count=60)
    rounds = [sent[:20], sent[20:40], sent[40:]]
    assert all(sorted(one) == list(range(20)) for one in rounds)
    assert rounds[0] != rounds[1] != rounds[2]


def test_the_same_seed_sends_the_same_rows():
    assert ages(1, 40) == ages(1, 40)
    assert ages(1, 40) != ages(2, 40)


def test_an_empty_table_sends_nothing():
    assert list(replay([], 0)) == []


@pytest.mark.parametrize(
    ("text", "age", "weight"),
    [
        ("age in years=+50%", 60, 0.5),
        ("age in years=-20%", 32, 0.5),
        ("age in years=+7", 47, 0.5),
        ("age in years=-7", 33, 0.5),
        ("age in years=+1.26%", 41, 0.5),
        ("age in years=+1000", 120, 0.5),
        ("age in years=-1000", 0, 0.5),
        (" weight = +0.25 ", 40, 0.75),
        ("weight=-50%", 40, 0.25),
        ("weight=+9", 40, 1.5),
    ],
)
def test_a_number_moves_and_stays_whole_and_within_the_plausible_range(tiny_contract, text, age, weight):
    record = {"age in years": 40, "class": "A", "stars": "2", "weight": 0.5}
    moved = shifted(tiny_contract(), record, text)
    assert (moved["age in years"], moved["weight"]) == (age, weight)
    assert isinstance(moved["age in years"], int)


def test_a_label_is_set_for_all_in_the_contract_s_spelling(tiny_contract):
    record = {"age in years": 40, "class": "A", "stars": "2", "weight": 0.5}
    moved = shifted(tiny_contract(), record, "class=b", "stars=3")
    assert (moved["class"], moved["stars"]) == ("B", "3")


def test_what_is_missing_stays_missing_and_the_rest_stays_as_it_is(tiny_contract):
    record = {"age in years": None, "class": None, "stars": "2", "weight": 0.5}
    assert shifted(tiny_contract(), record, "age in years=+50%", "class=B") == record


def test_a_shifted_row_still_keeps_the_contract(contract):
    shifts = parse_shifts(contract, ["credit_limit=+5000%", "months_on_book=-90%", "gender=m"])
    record = shifts.of(*rows([contract.example])).record
    assert RowCodec(contract).parse(record).unknown == ()
    assert record["credit_limit"] == 4010 * 51
    assert record["gender"] == "M"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("age in years", "age in years: cannot be shifted by ''"),
        ("age in years=50", r"age in years: cannot be shifted by '50' \(allowed: age in years=\+50%"),
        ("age in years=+fifty%", "cannot be shifted by '\\+fifty%'"),
        ("age in years=*2", r"cannot be shifted by '\*2'"),
        ("class=+50%", r"class: cannot be shifted by '\+50%' \(allowed: class= one of A, B\)"),
        ("class=C", "class: cannot be shifted by 'C'"),
        ("size=+1", "size: is not a feature .allowed: age in years, class, stars, weight, outcome"),
        ("", "shift: is not a feature"),
    ],
)
def test_a_bad_shift_names_the_feature_and_what_is_allowed(tiny_contract, text, why):
    with pytest.raises(Rejected, match=why):
        parse_shifts(tiny_contract(), [text])


def test_every_bad_shift_is_named_at_once(tiny_contract):
    with pytest.raises(Rejected, match=r"size: .*class: ") as refused:
        parse_shifts(tiny_contract(), ["size=+1", "weight=+1", "class=C"])
    assert len(refused.value.faults) == 2


def test_the_first_row_is_due_at_once_and_the_next_one_interval_later():
    pace = Pace(rate_per_second=4)
    assert pace.wait_seconds(100.0) == 0
    assert pace.take(100.0, at_most=1) == 1
    assert pace.wait_seconds(100.0) == 0.25
    assert pace.wait_seconds(100.1) == pytest.approx(0.15)


def test_slow_answers_do_not_slow_the_pace():
    pace, now, sent = Pace(rate_per_second=10), 0.0, 0
    while now < 60:
        now += pace.wait_seconds(now)
        sent += pace.take(now, at_most=1)
        now += 0.03 if sent % 10 else 0.2  # every tenth answer takes two intervals
    assert sent == pytest.approx(600, abs=3)


def test_rows_that_fell_due_together_are_taken_together_up_to_the_limit():
    pace = Pace(rate_per_second=100)
    pace.take(0.0, at_most=500)
    assert pace.take(0.105, at_most=500) == 10
    assert pace.take(0.305, at_most=5) == 5
    assert pace.take(0.305, at_most=500) == 15


def test_after_a_long_outage_there_is_no_flood():
    pace = Pace(rate_per_second=100, patience_seconds=2)
    pace.take(0.0, at_most=500)
    assert pace.take(60.0, at_most=500) == 1
    assert pace.wait_seconds(60.0) == pytest.approx(0.01)


def test_three_first_windows_of_a_day_show_no_drift(contract):
    """Three times `make run`, as the monitor and the reports see it: with one seed 4 of 15 days did."""
    table = clean(contract, read_table(make_table(contract, 10_000, 0)).cells)
    reference = split(table, 42).validation.features.reset_index(drop=True)
    whole = rows(table.features.to_dict("records"))

    def drifted(seeds):
        sent = [row.record for seed in seeds for row in islice(replay(whole, seed), FIRST_WINDOW_ROWS)]
        return compare(reference, pd.DataFrame(sent)[list(contract.feature_names)], contract).drifted_columns

    assert [drifted((day, day + 100, day + 200)) for day in range(4)] == [()] * 4
