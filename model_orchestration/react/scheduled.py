"""Whether the training's schedule trains now: an unchanged table is not trained again and again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from model_orchestration.job import Job
from model_orchestration.react.finished import is_finished
from model_orchestration.react.history import History, enter, read_history
from model_orchestration.react.policy import Decision, TableState, decide
from model_orchestration.react.settings import policy_of
from tabular.errors import NotFound, Unavailable
from tabular.wiring import Wiring

log = logging.getLogger(__name__)


def why_not_now(wiring: Wiring, job: Job) -> str | None:
    """Why the scheduled training of this job is not due; None if it is. The decision is entered in the ledger.

    Where the store cannot be reached, nothing is known of earlier attempts, and nothing is entered: the schedule goes
    on without. Raises InvalidSetting, and Unavailable for the bucket and the registry.
    """
    is_changed = not is_finished(wiring.objects(), job)
    now, table = datetime.now(UTC), wiring.contract.table.name
    try:
        decision = _decided(wiring, table, now, is_changed=is_changed)
    except Unavailable as error:
        log.warning("the ledger cannot be reached, so that only a change of the table decides: %s", error)
        decision = decide(_state(now, None, is_changed=is_changed), policy_of(wiring.settings))
    if decision.action == "train":
        return None
    if not is_changed:
        _note(wiring)
    return f"not trained: {decision.why}. To train it all the same: make train"


def _decided(wiring: Wiring, table: str, now: datetime, *, is_changed: bool) -> Decision:
    ledger = wiring.ledger()
    try:
        history = read_history(ledger, table, None, now)
        decision = decide(_state(now, history, is_changed=is_changed), policy_of(wiring.settings))
        enter(ledger, table, None, decision, history, now)
    finally:
        ledger.close()
    return decision


def _state(now: datetime, history: History | None, *, is_changed: bool) -> TableState:
    attempts = () if history is None else history.attempts
    return TableState(now=now, is_scheduled=True, is_changed=is_changed, attempts=attempts)


def _note(wiring: Wiring) -> None:
    """That nothing had changed is as good as a training, to who watches that the schedule runs."""
    try:
        wiring.registry().note_trained()
    except NotFound:  # nothing was ever registered
        return
