"""Curves: one score and many are bit-identical, order stays, and what is no calibration is rejected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.model.calibration import NO_CALIBRATION, Calibration, Curve

PROBABILITY = st.floats(0, 1, width=32)


@st.composite
def curves(draw):
    inner = sorted({x for x in draw(st.lists(PROBABILITY, max_size=8)) if 0 < x < 1})
    wanted = len(inner) + 2
    heights = sorted(draw(st.lists(st.floats(1e-9, 1), min_size=wanted, max_size=wanted)))
    return Curve((0.0, *inner, 1.0), tuple(heights))


@given(curves(), st.lists(PROBABILITY, min_size=1, max_size=20))
def test_one_score_is_calibrated_as_many_are_bit_for_bit_and_their_order_stays(curve, scores):
    calibration = Calibration("isotonic", (curve,))
    found = calibration.many(np.array(scores, dtype=np.float32))
    assert [calibration.one(score) for score in scores] == found.tolist()
    assert (np.diff(found[np.argsort(scores)]) >= -1e-15).all()
    assert (found > 0).all()
    assert (found <= 1 + 1e-15).all()


@given(
    st.lists(curves(), min_size=3, max_size=3),
    st.lists(st.lists(st.floats(0.0078125, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=9),
)
def test_the_probabilities_of_several_classes_sum_to_one_and_are_bit_identical_too(three, rows):
    calibration = Calibration("platt", tuple(three))
    scores = np.array(rows, dtype=np.float64)
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    found = calibration.many(scores)
    assert [calibration.one(row) for row in scores.tolist()] == found.tolist()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_without_a_calibration_scores_stay_as_they_are():
    assert NO_CALIBRATION.one(0.25) == 0.25
    assert NO_CALIBRATION.many(np.array([[0.25, 0.75]], dtype=np.float32)).tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("scores", "probabilities", "why"),
    [
        ((0.0,), (0.5,), "must be pairs"),
        ((0.0, 1.0), (0.5,), "must be pairs"),
        ((0.1, 1.0), (0.1, 0.9), "reach from score 0 to 1"),
        ((0.0, 0.5, 0.5, 1.0), (0.1, 0.2, 0.3, 0.4), "must rise"),
        ((0.0, 0.5, 1.0), (0.1, 0.5, 0.4), "not fall"),
        ((0.0, 1.0), (0.0, 0.5), "above 0"),
        ((0.0, 1.0), (0.1, 1.5), "up to 1"),
    ],
)
def test_knots_that_make_no_curve_are_rejected(scores, probabilities, why):
    with pytest.raises(ValueError, match=why):
        Curve(scores, probabilities)


@pytest.mark.parametrize("outputs", [0, 2, 3])
def test_a_calibration_has_one_curve_for_each_output(outputs):
    with pytest.raises(ValueError, match="has 1 curves"):
        Calibration("platt", (Curve((0.0, 1.0), (0.1, 0.9)),)).check(outputs)
    NO_CALIBRATION.check(outputs)
