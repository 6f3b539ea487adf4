"""The tables of the drill: the same inputs with other outcomes, and classes that are swapped."""

from __future__ import annotations

from itertools import islice

import pytest

from embedded.drill.concept import changed_concept, observed, with_swapped_classes
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean

ROWS = 2_000


def test_a_changed_concept_has_the_same_inputs_and_other_outcomes(contract):
    before, after = observed(contract, ROWS, 5), observed(changed_concept(contract), ROWS, 5)
    assert before.records == after.records
    changed = sum(one != other for one, other in zip(before.outcomes, after.outcomes, strict=True))
    assert ROWS * 0.1 < changed < ROWS * 0.4


def test_a_changed_concept_keeps_the_share_of_each_class(contract):
    before, after = observed(contract, ROWS, 5), observed(changed_concept(contract), ROWS, 5)
    positive = contract.target.positive
    assert before.outcomes.count(positive) == after.outcomes.count(positive)


def test_rows_go_on_for_ever_each_with_its_own_outcome(contract):
    rows = observed(contract, 10, 5)
    pairs = list(zip(rows.records, rows.outcomes, strict=True))
    taken = list(islice(rows.endless(1), 25))
    assert all(row in pairs for row in taken)
    assert sorted(map(str, taken[:10])) == sorted(map(str, pairs))


def test_swapped_classes_are_all_that_changes(contract):
    body = make_table(contract, 300, 5)
    before, after = (clean(contract, read_table(each).cells) for each in (body, with_swapped_classes(contract, body)))
    assert after.features.equals(before.features)
    assert (after.target == 1 - before.target).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_rows(contract, seed):
    assert observed(contract, 50, seed) == observed(contract, 50, seed)
