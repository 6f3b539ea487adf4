"""Alarms in the ledger: each that was raised and each that ended is entered once, whatever is restarted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple, cast

from monitoring.alarms.kinds import KINDS, Alarm, Kind
from tabular.ledger.entry import Evidence, LedgerEntry, entry_id
from tabular.ports.ledger import Ledger

WHO = "monitor"


class _Last(NamedTuple):
    """The newest entry about the alarm of one kind of one run: whether it says that the alarm stands."""

    id: str
    stands: bool


class AlarmRecord:
    """Compares the alarms of one table with what the ledger says of them, and enters what it does not say yet.

    `raised` is called with each alarm that this record was the one to enter.
    """

    def __init__(self, ledger: Ledger, table: str, raised: Callable[[LedgerEntry], object] = lambda _: None) -> None:
        self._ledger = ledger
        self._table = table
        self._raised = raised
        self._last: dict[tuple[str, Kind], _Last] | None = None

    def tell(self, run_id: str, alarms: Mapping[Kind, Alarm], now: datetime) -> None:
        """Enter the alarms of a run that were raised or have ended; raises Unavailable, and then enters them later."""
        for kind, alarm in alarms.items():
            stands = alarm.raised_at is not None
            if stands and not self._stands(run_id, kind):
                self._enter("alarmed", run_id, now, _raised(run_id, kind, alarm), _evidence(kind, alarm))
            elif not stands and self._stands(run_id, kind):
                why = f"{_named(run_id, kind)} has ended: its evidence is below a hundredth of what raises it."
                self._enter("alarm_ended", run_id, now, why, _evidence(kind, alarm))

    def end_all_but(self, run_ids: set[str], now: datetime) -> None:
        """Enter the end of alarms of runs that are no longer monitored; raises Unavailable like `tell`."""
        standing = [key for key, last in self._known().items() if last.stands]
        for run_id, kind in standing:
            if run_id not in run_ids:
                why = f"{_named(run_id, kind)} has ended: the run made none of the table's newest predictions."
                self._enter("alarm_ended", run_id, now, why, {"kind": kind})

    def _stands(self, run_id: str, kind: Kind) -> bool:
        last = self._known().get((run_id, kind))
        return last is not None and last.stands

    def _enter(
        self, what: Literal["alarmed", "alarm_ended"], run_id: str, now: datetime, why: str, evidence: Evidence
    ) -> None:
        key = run_id, cast(Kind, evidence["kind"])
        last = self._known().get(key)
        # The entry before it is part of the identity: entered again after a failure, the same one is stored once.
        known = entry_id(self._table, what, *key, last.id if last else "")
        entry = LedgerEntry(
            id=known, at=now, table=self._table, kind=what, run_id=run_id, who=WHO, why=why, evidence=dict(evidence)
        )
        is_new = self._ledger.append(entry)
        self._known()[key] = _Last(known, what == "alarmed")
        if is_new and what == "alarmed":
            self._raised(entry)

    def _known(self) -> dict[tuple[str, Kind], _Last]:
        if self._last is None:
            found: dict[tuple[str, Kind], _Last] = {}
            for entry in self._ledger.entries(table=self._table, kinds=("alarmed", "alarm_ended")):
                kind = entry.evidence.get("kind")
                if entry.run_id is not None and kind in KINDS:
                    found.setdefault((entry.run_id, kind), _Last(entry.id, entry.kind == "alarmed"))
            self._last = found
        return self._last


def _named(run_id: str, kind: Kind) -> str:
    return f"The alarm on {'predictions' if kind == 'score' else kind} of run {run_id}"


def _raised(run_id: str, kind: Kind, alarm: Alarm) -> str:
    if kind == "quality":
        figures = alarm.figures
        return (
            f"The quality of run {run_id} has fallen: the mean loss of its newest labelled predictions is "
            f"{figures['mean_loss']:.3g}, and at most {figures['highest_mean_loss']:.3g} is within the tolerance."
        )
    if kind == "score":
        return f"The scores of run {run_id}, or the mix of its predicted classes, differ from those of its reference."
    return f"The inputs of run {run_id} differ from those of its reference, most surely {_feature(alarm)}."


def _feature(alarm: Alarm) -> str:
    return max(alarm.by_feature, key=alarm.by_feature.__getitem__, default="none by itself")


def _evidence(kind: Kind, alarm: Alarm) -> Evidence:
    """The figures, and the gauge that shows more of them."""
    raised = None if alarm.raised_at is None else datetime.fromtimestamp(alarm.raised_at, UTC).isoformat()
    found: dict[str, str | float | None] = {
        "kind": kind,
        "evidence": alarm.evidence,
        "blocks": float(alarm.blocks),
        "raised_at": raised,
        "gauge": f'monitor_alarm{{kind="{kind}"}}',
        **alarm.figures,
    }
    return found | ({"feature": _feature(alarm)} if kind == "drift" and raised else {})
