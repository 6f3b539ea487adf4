"""The shadow of one table: which models are in it, their scores, what the labels say of them, and what follows."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from server.shadow.acting import act, propose
from server.shadow.candidates import Candidate, candidates
from server.shadow.decision import Decision, decide
from server.shadow.metrics import ShadowMetrics
from server.shadow.watched import Watched, watch
from tabular.errors import Rejected
from tabular.model.bundle import Bundle
from tabular.ports.ledger import Ledger
from tabular.process.background import BackgroundTask
from tabular.process.cautious_clock import CautiousClock
from tabular.promotion.contracts import differences
from tabular.promotion.parts import parts_of
from tabular.quality.sequential.challenge import Budget
from tabular.wiring import Wiring

log = logging.getLogger(__name__)

YEAR = timedelta(days=365)
SCORING = "score"


class TableShadow:
    """Connects at the first turn, not before. `has_more` says that predictions are waiting to be scored.

    By `giving_up` a challenger has been in the shadow for too long; without one, by a cautious clock.
    """

    def __init__(self, wiring: Wiring, metrics: ShadowMetrics, giving_up: CautiousClock | None = None) -> None:
        self.table = wiring.contract.table.name
        self.has_more = False
        self._settings, self._pinned = wiring.settings, wiring.pinned_run
        self._parts, self._bundles = parts_of(wiring), wiring.bundles()
        self._store, self._predictions = wiring.shadow(), wiring.predictions()
        self._metrics = metrics
        self._champion: tuple[str, Bundle] | None = None
        self._watched: list[Watched] = []
        self._giving_up = giving_up or CautiousClock()
        self._due = {
            BackgroundTask("follow", self._refresh, wiring.settings.model_refresh_seconds): 0.0,
            BackgroundTask(SCORING, self._score, wiring.settings.shadow_poll_seconds): 0.0,
            BackgroundTask("decide", self._decide, wiring.settings.shadow_interval_seconds): 0.0,
        }

    @property
    def tasks(self) -> list[BackgroundTask]:
        """What is done again and again: a failure of one does not end the others."""
        return list(self._due)

    def turn(self) -> None:
        """Do what is due; never raises."""
        for task, due in self._due.items():
            now = time.monotonic()
            if now >= due or (self.has_more and task.name == SCORING):
                self._due[task] = now + task.rest_seconds
                task.turn()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()
        self._predictions.close()
        self._parts.ledger.close()

    def _refresh(self) -> None:
        """Take up who is champion, and which models are in the shadow."""
        now, run_id = datetime.now(UTC), self._pinned or self._parts.standing_on()
        if run_id is None:
            return
        if self._champion is None or self._champion[0] != run_id:
            self._champion, self._watched = (run_id, self._bundles.load(run_id)), []
        days = self._settings.shadow_previous_days
        found = candidates(self._parts.registry, self._parts.ledger, self.table, run_id, now, days)
        known = {one.candidate: one for one in self._watched}
        taken_up = [known.get(each) or self._taken_up(each, *self._champion, now) for each in found]
        self._watched = [one for one in taken_up if one is not None]
        self._metrics.models(self.table, [one.candidate for one in self._watched])

    def _score(self) -> None:
        """Score the next predictions."""
        self.has_more, now = False, datetime.now(UTC)
        for one in self._watched:
            self.has_more |= one.follower.step(now)
            self._metrics.lag(self.table, one.candidate.role, one.follower.lag_seconds(now))

    def _decide(self) -> None:
        """Read the labels that came, and do what they say."""
        now, settings, sure = datetime.now(UTC), self._settings, self._giving_up.now()
        budget = Budget(settings.shadow_max_labels, settings.shadow_max_days)
        for one in list(self._watched):
            one.pairs.read(one.champion, one.candidate.run_id, one.since, now)
            found = one.judge(settings.shadow_confidence)
            self._metrics.evidence(self.table, one.candidate.role, found)
            decision = decide(one.candidate.role, found, one.pairs.not_comparable, one.days(sure), budget)
            if decision.action != "wait":
                self._carry_out(one.candidate, one.champion, decision, one.figures(now), now)

    def _taken_up(self, candidate: Candidate, champion: str, served: Bundle, now: datetime) -> Watched | None:
        """What is kept for a model; None for one that cannot be compared, and a challenger is dropped then."""
        try:
            bundle = self._bundles.load(candidate.run_id)
            why = "; ".join(differences(served.contract, bundle.contract))
            if not why:
                parts = (self._store, self._predictions, self._metrics)
                return watch(*parts, candidate, champion, served, bundle, now)
        except Rejected as error:
            why = f"its bundle cannot be used: {error}"
        if candidate.role == "challenger":
            decision = Decision("drop", f"it cannot be compared with the champion: {why}")
            self._carry_out(candidate, champion, decision, {}, now)
        return None

    def _carry_out(
        self,
        candidate: Candidate,
        champion: str,
        decision: Decision,
        figures: Mapping[str, str | float | None],
        now: datetime,
    ) -> None:
        log.info("%s: %s, %s: %s", self.table, candidate.run_id, decision.action, decision.why)
        confidence = self._settings.shadow_confidence
        on_record = {**figures, "confidence": confidence} | error_in_a_year(
            self._parts.ledger, self.table, confidence, now
        )
        if not self._may(decision):
            propose(self._parts, candidate, champion, decision, on_record)
            return
        act(self._parts, candidate, champion, decision, on_record)
        self._metrics.decided(self.table, decision.action)
        self._watched = [one for one in self._watched if one.candidate != candidate]
        for task in self._due:  # who is in the shadow has changed
            self._due[task] = 0.0

    def _may(self, decision: Decision) -> bool:
        """Whether it is decided here, or by an engineer; a pinned run serves whatever the aliases say."""
        mode, takes_back = self._settings.promotion, decision.action == "roll_back"
        return not self._pinned and (mode == "shadow" or (mode == "gate" and takes_back))


def error_in_a_year(ledger: Ledger, table: str, confidence: float, now: datetime) -> dict[str, float]:
    """How many challengers a table had in a year, and how probable it is at most that any was promoted in error."""
    entries = ledger.entries(table, since=now - YEAR, kinds={"challenged"})
    error = min(len(entries) * (1 - confidence) / 2, 1.0)
    return {"challengers_in_a_year": float(len(entries)), "error_in_a_year_at_most": error}
