"""The business key: one meaning in JSON, in a CSV and in a Parquet file."""

from __future__ import annotations

import math

import pytest

from tabular.encoding.business_key import ALLOWED, MAX_KEY_CHARACTERS, key_reader
from tabular.errors import Fault


@pytest.fixture
def read(tiny_contract):
    return key_reader(tiny_contract(change=lambda file: file["table"].update(business_key="customer")))


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("C-1", "C-1"),
        (" C-1 ", "C-1"),
        ("c-1", "c-1"),
        (7, "7"),
        ("7", "7"),
        (7.0, "7"),
        ("007", "007"),
        (-(2**53 - 1), "-9007199254740991"),
        ("Zoë ✓", "Zoë ✓"),
        ("x" * MAX_KEY_CHARACTERS, "x" * MAX_KEY_CHARACTERS),
    ],
)
def test_a_key_is_its_text_or_its_digits(read, raw, key):
    assert read(raw) == key


@pytest.mark.parametrize("raw", [None, "", "   ", "?", " ? ", math.nan])
def test_a_blank_key_and_a_missing_token_are_none(read, raw):
    assert read(raw) is None


@pytest.mark.parametrize(
    "raw", [True, False, 1.5, 2**53, 1e300, math.inf, [], {}, ["C-1"], "x" * (MAX_KEY_CHARACTERS + 1), "a\nb", "a\x00"]
)
def test_what_can_be_no_key_is_named_with_what_may(read, raw):
    fault = read(raw)
    assert isinstance(fault, Fault)
    assert (fault.field, fault.problem, fault.allowed) == ("customer", "cannot be a key", ALLOWED)
