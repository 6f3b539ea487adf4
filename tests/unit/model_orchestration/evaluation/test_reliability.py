"""What a run says of its model's calibration: the figures before and after, whichever of the two is served."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from model_orchestration.evaluation.plots import model_plots
from model_orchestration.evaluation.reliability import DESCRIPTION, both_scores, reliability
from model_orchestration.search.candidate import bundler
from tabular.contract.training import Training
from tabular.data.table import encode
from tabular.model.calibration import NO_CALIBRATION
from tabular.quality.metrics import metrics


@pytest.mark.parametrize("calibrated", [False, True])
def test_both_scores_are_the_model_s_own_and_the_calibrated_ones_whichever_is_served(
    trained_for_task, tmp_path, calibrated
):
    task, parts = trained_for_task.contract.table.task, trained_for_task.parts
    training = Training(calibrated=calibrated and task != "regression")
    contract = msgspec.structs.replace(trained_for_task.contract, training=training)
    bundle = bundler(contract, parts, seed=1).write(trained_for_task.best, tmp_path, {})
    rows, target = encode(contract, parts.test.features), parts.test.target.to_numpy()
    both = both_scores(bundle, rows)
    if task == "regression":
        assert bundle.calibration == NO_CALIBRATION
        assert (both, reliability(bundle, target, both)) == (None, None)
        return
    np.testing.assert_array_equal(both.own, trained_for_task.test_scores)
    np.testing.assert_array_equal(both.calibrated, bundle.calibration.many(both.own))
    served = both.calibrated.astype(np.float32) if calibrated else both.own
    np.testing.assert_array_equal(bundle.predict(rows), served)
    found = reliability(bundle, target, both)
    assert found.method == bundle.calibration.method
    for figures, scores in ((found.own, both.own), (found.calibrated, both.calibrated)):
        assert figures["log_loss"] == pytest.approx(metrics(task, target, scores)["log_loss"])
        assert 0 <= figures["calibration_error"] < 1
    assert set(found.logged) == {
        f"test_{name}_{of}" for name in ("calibration_error", "log_loss", "brier") for of in ("own", "calibrated")
    }
    assert found.tags["calibration"] == found.method
    assert "estimated from the scores, not measured, and blind to concept drift" in found.tags[DESCRIPTION]
    assert ("Served scores are calibrated" in found.tags[DESCRIPTION]) == calibrated
    plain, with_both = (model_plots(contract, target, served, 0.4, one)["calibration.png"] for one in (None, both))
    assert with_both != plain
