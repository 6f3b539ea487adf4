"""Every picture of every task is a PNG of a readable size; what they look like is for eyes."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from model_orchestration.evaluation.plots import model_plots, search_history

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


@pytest.mark.parametrize("losses", [[0.4], [0.4, 0.4], list(np.geomspace(1, 0.1, 50))])
def test_the_history_is_drawn_of_any_length(losses):
    assert min(size(search_history(losses, "logloss"))) >= 400


def test_a_model_sure_of_everything_is_drawn_too(contract):
    target = np.array([0.0, 1.0] * 20)
    assert set(model_plots(contract, target, target.copy(), 0.5)) == CURVES
