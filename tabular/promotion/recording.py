"""A decision on record: an entry of the ledger, and the same as tags in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tabular.ledger.entry import Kind, LedgerEntry
from tabular.promotion.parts import Decision, Parts


def record(
    parts: Parts, kind: Kind, run_id: str, decision: Decision, about: Mapping[str, str | float | None]
) -> LedgerEntry:
    """Enter what was decided about a run, with what else is known of it, and tag the run; returns the entry."""
    entry = LedgerEntry(
        at=datetime.now(UTC),
        table=parts.table,
        kind=kind,
        run_id=run_id,
        who=decision.who,
        why=decision.why,
        evidence={**decision.evidence, **about},
    )
    parts.ledger.append(entry)
    _tag(parts, entry)
    return entry


def _tag(parts: Parts, entry: LedgerEntry) -> None:
    """Write it on the run and on its model version, such as `promoted_why`, for somebody who looks at MLflow."""
    run_id = str(entry.run_id)
    # To the microsecond: of a promotion and a rollback in one second these tags say which was later.
    values = {"at": entry.at.isoformat(timespec="microseconds"), "by": entry.who, "why": entry.why}
    tags = {f"{entry.kind}_{name}": value for name, value in values.items()}
    parts.registry.log(run_id, tags=tags)
    parts.registry.register(run_id, None, tags)
