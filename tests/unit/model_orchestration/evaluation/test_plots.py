"""Every picture of every task is a PNG of a readable size; what they look like is for eyes."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest

from model_orchestration.evaluation.explained import MAX_ROWS, MAX_SECONDS, PART_ROWS, contributions
from model_orchestration.evaluation.plots import importance, model_plots, search_history
from tabular.data.table import encode
from tabular.model.scorer import Explanation

CURVES = {"roc.png", "precision_recall.png", "calibration.png", "confusion_matrix.png"}


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_every_task_has_its_pictures(trained_for_task):
    contract = trained_for_task.contract
    target = trained_for_task.parts.test.target.to_numpy()
    found = model_plots(contract, target, trained_for_task.test_scores, 0.4)
    assert set(found) == ({"fit.png"} if contract.table.task == "regression" else CURVES)
    assert all(min(size(png)) >= 400 for png in found.values())


def test_what_a_score_rests_on_is_drawn_for_every_task(trained_for_task):
    contract = trained_for_task.contract
    rows = encode(contract, trained_for_task.parts.test.features)
    found = contributions(trained_for_task.best.scorer, rows)
    assert found.shape == (
        min(MAX_ROWS, len(rows)),
        max(1, len(contract.target.classes) % 2 * 3),
        len(contract.inputs),
    )
    assert min(size(importance(contract, found))) >= 400


def test_contributions_end_after_their_time_but_not_before_some_are_there():
    class Slow:
        def explain(self, rows):
            time.sleep(0.2)
            return Explanation(np.zeros((len(rows), 1)), np.ones((len(rows), 1, rows.shape[1])))

    started = time.monotonic()
    found = contributions(Slow(), np.zeros((1_000, 3), dtype=np.float32))
    assert PART_ROWS <= len(found) < 1_000
    assert time.monotonic() - started < MAX_SECONDS + 3


@pytest.mark.parametrize("losses", [[0.4], [0.4, 0.4], list(np.geomspace(1, 0.1, 50))])
def test_the_history_is_drawn_of_any_length(losses):
    assert min(size(search_history(losses, "logloss"))) >= 400


def test_a_model_sure_of_everything_is_drawn_too(contract):
    target = np.array([0.0, 1.0] * 20)
    assert set(model_plots(contract, target, target.copy(), 0.5)) == CURVES
