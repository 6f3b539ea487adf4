"""What a training enters into the ledger: that it trained, and what the gate and the checks said."""

from __future__ import annotations

from datetime import UTC, datetime

from model_orchestration.job import Job
from model_orchestration.outcome import GateResult, Sweep
from tabular.ledger.entry import Kind, LedgerEntry, entry_id
from tabular.promotion.parts import Parts


def record_training(
    parts: Parts, job: Job, swept: Sweep, result: GateResult, version: str, held_back: str | None
) -> None:
    """Enter that the sweep was done, and that its best model was rejected or registered. Again changes nothing."""
    run_id = swept.best.run_id
    about: dict[str, str | float | None] = {
        "sweep": swept.parent_id,
        "data_version": job.data_sha256,
        "contract": job.read_contract.digest,
        "validation_loss": swept.best.loss,
        "page": parts.registry.url(swept.parent_id),
    }
    trained = f"A sweep of {len(swept.trials)} trials{' on synthetic data' if job.synthetic else ''} was finished."
    _enter(parts, "trained", (swept.parent_id,), run_id, "training", trained, about)
    if result.gate.passed:
        why = "It passed the gate." if held_back is None else f"It passed the gate. It was {held_back}."
        _enter(parts, "registered", (run_id, why), run_id, "gate", why, about | {"version": version})
    else:
        why = "; ".join(f"{one.name}: {one.why}" for one in result.gate.rejections)
        _enter(parts, "rejected", (run_id, why), run_id, "gate", why, about | {"version": version})


def version_about(job: Job, swept: Sweep, result: GateResult) -> str:
    """The description of a model version: what it predicts, what it was made of, and what the gate said."""
    contract, best = job.read_contract, swept.best
    data = f"data version {job.data_sha256[:12]}{' (synthetic data)' if job.synthetic else ''}"
    gate = "It passed the gate." if result.gate.passed else f"The gate rejected it: {result.tags['gate_reasons']}."
    return (
        f"{contract.table.title}: {best.family}, the best of {len(swept.trials)} trials on {data}, seed {job.seed}, "
        f"validation loss {best.loss:.4f}. {gate}"
    )


def _enter(
    parts: Parts,
    kind: Kind,
    identity: tuple[str, ...],
    run_id: str,
    who: str,
    why: str,
    evidence: dict[str, str | float | None],
) -> None:
    known_as = entry_id(parts.table, kind, *identity)
    now = datetime.now(UTC)
    parts.ledger.append(
        LedgerEntry(
            id=known_as, at=now, table=parts.table, kind=kind, run_id=run_id, who=who, why=why, evidence=evidence
        )
    )
