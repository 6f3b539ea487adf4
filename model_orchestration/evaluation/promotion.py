"""What becomes of the best model of a training: registered, and by PROMOTION champion, challenger, or neither.

One of synthetic data never replaces one of a real table. What a check holds back waits until it is accepted with a
reason, which is recorded with the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model_orchestration.data.checks import CheckReport
from model_orchestration.job import SYNTHETIC, Job, Tools
from model_orchestration.outcome import GateResult, Registration, Sweep
from model_orchestration.registration.records import record_training, version_about
from model_orchestration.registration.standing import Standing, stand
from tabular.data import feature_store
from tabular.errors import NotFound
from tabular.promotion.parts import Parts


def register(
    tools: Tools, job: Job, swept: Sweep, result: GateResult, report: CheckReport, accept: str
) -> Registration:
    """Register the best trial, with the alias it may have; what was found, and accepted, goes on its runs too.

    Only a model that is not held back makes its data what the next are compared with. What happened is entered into
    the ledger; raises Unavailable without it, and the next training goes on here.
    """
    holds = (*report.holds, *(one.why for one in result.gate.holds))
    is_accepted = bool(holds and accept)
    waiting = _waiting(holds, accept) if result.gate.passed else None
    why_not = waiting or (held_back(tools, job) if result.gate.passed else None)
    accepted = f"{accept}. It was held back because {'; '.join(holds)}" if is_accepted else None
    found = {
        "data_warnings": "; ".join(report.warnings),
        "dropped_rows": report.dropped_rows,
        "rows_left_out": report.rows_left_out,
        "held_back": why_not or "",
        "accepted_because": accept if is_accepted else "",
    }
    for run_id in (swept.parent_id, swept.best.run_id):
        tools.registry.log(run_id, tags=found)
    tags = dict(tools.run_tags) | result.tags | found | {"sweep": swept.parent_id, SYNTHETIC: str(job.synthetic)}
    version = tools.registry.register(swept.best.run_id, None, tags, version_about(job, swept, result))
    parts = Parts(tools.registry, tools.ledger, job.read_contract)
    record_training(parts, job, swept, result, version, why_not)
    standing = Standing()
    if result.gate.passed and why_not is None:
        replaces = _is_of_real_table_over_synthetic(tools, job)
        standing = stand(parts, tools.promotion, swept.best.run_id, result, replaces_any=replaces)
    tools.registry.note_trained()
    if result.gate.passed and waiting is None:
        feature_store.mark_accepted(tools.objects, job.read_contract, job.data_sha256)
    return Registration(standing.alias, version, why_not or standing.why_none, accepted, standing.waits_for)


def _is_of_real_table_over_synthetic(tools: Tools, job: Job) -> bool:
    """Whether the champion learnt from synthetic data and this model did not: nothing to wait for evidence about."""
    try:
        return not job.synthetic and is_synthetic(tools, job, tools.registry.champion())
    except NotFound:
        return False


def _waiting(holds: Sequence[str], accept: str) -> str | None:
    """What holds the model back until it is accepted; None if nothing does any more."""
    if not holds or accept:
        return None
    return (
        f"not made champion, though the gate passed it: {'; '.join(holds)}. If that is meant, train again with "
        'ACCEPT="the reason", which is recorded; if not, publish the right table'
    )


def held_back(tools: Tools, job: Job) -> str | None:
    """Why this model does not become champion whatever the gate says; None if it may."""
    if not job.synthetic:
        return None
    try:
        champion = tools.registry.champion()
    except NotFound:
        return None
    if is_synthetic(tools, job, champion):
        return None
    return (
        f"not made champion: it was trained on synthetic data, and the champion {champion} on a real table, which "
        "synthetic data never replaces. Name the real table, `make init_aws DATASET_CSV=path`, and train again"
    )


def is_synthetic(tools: Tools, job: Job, run_id: str) -> bool:
    """Whether the run of a model of this table learnt from synthetic data; what is not known counts as real."""
    tags = {**_tags_of_run(tools, run_id), **tools.registry.version_tags(run_id)}
    if SYNTHETIC in tags:
        return tags[SYNTHETIC] == str(True)
    try:  # from before the tag
        return feature_store.find_version(tools.objects, job.read_contract, tags["data_sha256"]).synthetic
    except (NotFound, KeyError):
        return False


def _tags_of_run(tools: Tools, run_id: str) -> Mapping[str, str]:
    try:
        return tools.registry.run(run_id).tags
    except NotFound:
        return {}
