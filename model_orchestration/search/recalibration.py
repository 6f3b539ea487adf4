"""The best trial of a small table calibrated out of fold: by far more rows than its validation part has."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from model_orchestration.data.split import Split, joined
from model_orchestration.search.candidate import scores_by_params
from model_orchestration.search.out_of_fold import MODEL, cross_validated, is_small
from model_orchestration.search.trial import Params
from model_orchestration.search.trial_runs import Recorder
from tabular.contract.types import Contract
from tabular.model.calibration import Calibration
from tabular.quality.calibration.choice import FEW_ROWS, chosen


def recalibrate(contract: Contract, parts: Split, seed: int, workers: int, recorder: Recorder) -> None:
    """Give the best trial's bundle the `out_of_fold_calibration` of its settings, if the table is small."""
    if recorder.best is None:
        return
    calibration = out_of_fold_calibration(contract, parts, recorder.best.params, seed, workers)
    if calibration is not None:
        recorder.recalibrate(calibration)


def out_of_fold_calibration(
    contract: Contract, parts: Split, params: Params, seed: int, workers: int
) -> Calibration | None:
    """The calibration that scores of the training and validation rows teach, each by a model fitted without the row.

    The test rows stay untouched. None for a table that is not small, a regression, or too few rows of a class. The
    contract is the one before categories were learnt: each fold learns its own.
    """
    if contract.table.task == "regression" or not is_small(contract.split, parts):
        return None
    known = joined(replace(parts, test=parts.test.take(np.array([], dtype=np.int64))))
    if known.raw_target.value_counts().min() < FEW_ROWS:
        return None
    training = msgspec.structs.replace(contract.training, calibrated=False)
    rules = msgspec.structs.replace(contract.split, repeats=1)
    own = msgspec.structs.replace(contract, training=training, split=rules)
    found = cross_validated(known, rules, seed, [scores_by_params(MODEL, own, known, params, seed)], workers)
    return chosen(contract.table.task, found.target, found.scores[MODEL], seed)
