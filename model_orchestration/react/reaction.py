"""One look at one table: what is known of it, what the policy decides, and the entry in the ledger.

What follows from it, a harvest and a training, is in `acting.py`, which takes far more to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from model_orchestration.data.harvest.labelled import count_labelled
from model_orchestration.react.history import History, enter, read_history
from model_orchestration.react.policy import Decision, Policy, TableState, decide
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.ports.objects import Objects
from tabular.ports.predictions import PredictionReader
from tabular.ports.registry import CHALLENGER, CHAMPION
from tabular.predictions.label import LATE_AFTER
from tabular.promotion.parts import Parts as PromotionParts

SERVED_WITHIN = timedelta(hours=1)
MOST_READ = 10_000


@dataclass(frozen=True)
class Parts(PromotionParts):
    """The outside world of a reaction: that of a promotion, the feature store, and the predictions."""

    objects: Objects
    store: PredictionReader

    def served_run(self, now: datetime) -> str | None:
        """The run whose alarms count: the champion or, where another is pinned, the run that predicts most now.

        None if there is neither. Raises Unavailable.
        """
        runs = self.store.runs(now - SERVED_WITHIN, now, MOST_READ, table=self.table)
        champion = self.standing_on(CHAMPION)
        return champion if champion in runs or not runs else runs.most_common(1)[0][0]


def look(parts: Parts, policy: Policy, now: datetime) -> Decision:
    """Decide about a table now, and enter it in the ledger unless it is the same nothing as before.

    Raises Unavailable and Rejected.
    """
    run_id = parts.served_run(now)
    history = read_history(parts.ledger, parts.table, run_id, now)
    decision = decide(_state(parts, policy, history, now), policy)
    enter(parts.ledger, parts.table, run_id, decision, history, now)
    return decision


def _state(parts: Parts, policy: Policy, history: History, now: datetime) -> TableState:
    since = harvested_until(parts.objects, parts.contract)
    return TableState(
        now=now,
        alarms=history.alarms,
        new_labels=count_labelled(parts.store, parts.table, since, now - LATE_AFTER, policy.min_labels),
        attempts=history.attempts,
        told=history.told,
        challenger=parts.standing_on(CHALLENGER),
    )


def harvested_until(objects: Objects, contract: Contract) -> datetime | None:
    """Until when labels were harvested, whatever became of the version; None if none ever were. Raises Unavailable."""
    ends = [version.harvested.until for version in feature_store.versions(objects, contract) if version.harvested]
    return max(ends, default=None)
