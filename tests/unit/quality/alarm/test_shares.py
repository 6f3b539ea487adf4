"""The shares that are watched: which, what the reference allows each to be, and how a window is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabular.model.bundle import REFERENCE_SCORE
from tabular.quality.alarm.shares import WatchedShares


@pytest.fixture(scope="module")
def reference(bundle):
    return bundle.reference()


def of(watched, feature):
    return [at for at, share in enumerate(watched.shares) if share.feature == feature]


def test_numbers_have_their_deciles_categories_each_of_theirs_and_every_number_whether_it_is_there(reference, contract):
    watched = WatchedShares(reference, contract)
    assert {share.feature for share in watched.shares} == {*contract.columns, REFERENCE_SCORE}
    limits = [watched.shares[at].limit for at in of(watched, "credit_limit") if watched.shares[at].limit is not None]
    expected = np.quantile(reference["credit_limit"].dropna(), np.arange(1, 10) / 10, method="inverted_cdf")
    assert limits == sorted(set(expected.tolist()))
    categories = {watched.shares[at].category for at in of(watched, "gender")}
    assert categories == set(reference["gender"].dropna().unique())
    assert "present" in {watched.shares[at].category for at in of(watched, "credit_limit")}


def test_the_reference_is_within_its_own_tolerance_which_is_the_wider_the_fewer_its_rows(reference, contract):
    whole, small = WatchedShares(reference, contract), WatchedShares(reference.head(150), contract)
    for watched, frame in ((whole, reference), (small, reference.head(150))):
        rows, held = watched.count(frame)
        share = held / rows
        assert (watched.lowest <= share).all()
        assert (share <= watched.highest).all()
    widths = [float((one.highest - one.lowest).max()) for one in (whole, small)]
    assert 0.09 < widths[0] < widths[1]


def test_a_share_of_nothing_may_rise_a_little_and_a_share_of_all_fall_a_little(reference, contract):
    watched = WatchedShares(reference.assign(credit_limit=1_000.0), contract)
    present = next(at for at in of(watched, "credit_limit") if watched.shares[at].category == "present")
    assert watched.highest[present] == 1.0
    assert 0.95 < watched.lowest[present] < 1.0


def test_missing_values_count_among_the_rows_of_nothing_but_their_presence(reference, contract):
    watched = WatchedShares(reference, contract)
    window = reference.head(100).assign(credit_limit=[float("nan")] * 30 + [1.0] * 70)
    rows, held = watched.count(window)
    for at in of(watched, "credit_limit"):
        share = watched.shares[at]
        expected = (100, 70) if share.category == "present" else (70, 70)
        assert (rows[at], held[at]) == expected


def test_a_window_may_hold_anything(reference, contract):
    watched = WatchedShares(reference, contract)
    odd = reference.head(50).assign(gender="?", credit_limit=np.inf)
    rows, held = watched.count(odd)
    assert all(rows[at] == 50 and held[at] == 0 for at in of(watched, "gender"))
    assert isinstance(odd, pd.DataFrame)
    assert rows.shape == held.shape == watched.lowest.shape
