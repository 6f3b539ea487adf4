"""Forms that a stranger sends: no file, field or part costs more than the bounds say, with the key or without."""

from __future__ import annotations

import pytest

SCALES = {"form-fields": 0.4, "form-parts": 0.4, "form-cells": 0.4, "form-commas": 0.4, "form-rows": 0.4}


@pytest.mark.parametrize("name", SCALES)
def test_it_stays_within_its_bounds(attack, name):
    faults = attack(name, SCALES[name]).faults
    assert not faults


def test_forms_without_the_key_stay_within_their_bounds(under_attack):
    with under_attack(API_KEY="k" * 32) as attack:
        faults = attack("form-no-key", 0.4).faults
    assert not faults
