"""A training as a part of a reaction: the flow `train`, run within this one."""

from __future__ import annotations

from typing import Any

import msgspec

from model_orchestration.flow import train
from model_orchestration.react.acting import Trained
from model_orchestration.report import Outcome


def train_once(table: str, data_version: str) -> Trained:
    """Train a table on a version; raises the TabularError by which the flow failed."""
    state: Any = train(table=table, data_version=data_version, return_state=True)
    outcome = msgspec.convert(state.result(), Outcome)
    run_id = outcome.sweep.best.run_id
    passed = outcome.gate is not None and outcome.gate.passed
    summary = f"run {run_id} {'passed the gate' if passed else 'was rejected by the gate'}"
    return Trained(run_id, outcome.alias or "", summary)
