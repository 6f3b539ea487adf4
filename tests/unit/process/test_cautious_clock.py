"""The clock for what cannot be undone: a leap ahead is believed once it has lasted, a step back at once."""

from __future__ import annotations

import pytest

from tabular.process.cautious_clock import PROOF_SECONDS, CautiousClock

DAY = 86_400.0
NOON = 1_772_366_400.0


class Machine:
    """A wall clock that can be set, beside seconds that only pass."""

    def __init__(self) -> None:
        self.passed, self.set_off_by = 50.0, 0.0
        self.clock = CautiousClock(lambda: NOON + self.passed + self.set_off_by, lambda: self.passed)

    def after(self, seconds: float, set_off_by: float = 0.0) -> float | None:
        """What the clock says then, by how much it differs from the right time; None if nothing is believed."""
        self.passed, self.set_off_by = self.passed + seconds, set_off_by
        said = self.clock.now().timestamp()
        return said - (NOON + self.passed) if said else None


@pytest.fixture
def machine():
    made = Machine()
    assert made.after(0) is None
    assert made.after(PROOF_SECONDS) == 0
    return made


def test_nothing_is_believed_at_first():
    machine = Machine()
    assert [machine.after(5), machine.after(PROOF_SECONDS - 1), machine.after(1)] == [None, None, 0]


def test_a_process_that_starts_while_the_clock_is_ahead_does_not_believe_it_afterwards():
    machine = Machine()
    assert machine.after(5, 30 * DAY) is None
    assert [machine.after(5), machine.after(PROOF_SECONDS - 1), machine.after(1)] == [None, None, 0]


def test_a_leap_ahead_for_a_moment_changes_nothing(machine):
    assert [machine.after(5, 30 * DAY), machine.after(60, 30 * DAY), machine.after(5)] == [0, 0, 0]
    assert machine.after(PROOF_SECONDS - 1, 30 * DAY) == 0, "the leap before does not count for this one"


def test_a_leap_that_lasts_is_believed_and_no_more_of_it_than_lasted(machine):
    assert machine.after(5, 30 * DAY) == 0
    assert machine.after(PROOF_SECONDS - 5, 2 * DAY) == 0
    assert machine.after(PROOF_SECONDS, 2 * DAY) == 2 * DAY


def test_a_clock_that_is_set_back_is_believed_at_once(machine):
    assert machine.after(5, -DAY) == -DAY


def test_a_clock_that_is_adjusted_slowly_is_followed(machine):
    for _ in range(40):
        said = machine.after(PROOF_SECONDS, machine.set_off_by + 0.3)
    assert abs(said - machine.set_off_by) <= 2
