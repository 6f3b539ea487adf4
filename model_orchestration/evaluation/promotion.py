"""Whether a passed model becomes champion.

One of synthetic data never replaces one of a real table. What a check holds back waits until it is accepted with a
reason, which is recorded with the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model_orchestration.data.checks import CheckReport
from model_orchestration.job import SYNTHETIC, Job, Tools
from model_orchestration.outcome import GateResult, Registration, Sweep
from tabular.data import feature_store
from tabular.errors import NotFound
from tabular.ports.registry import CHALLENGER, CHAMPION


def register(
    tools: Tools, job: Job, swept: Sweep, result: GateResult, report: CheckReport, accept: str
) -> Registration:
    """Register the best trial, as champion if it may be; what was found, and accepted, goes on its runs too.

    Only a model that is not held back makes its data what the next are compared with.
    """
    holds = (*report.holds, *(one.why for one in result.gate.holds))
    is_accepted = bool(holds and accept)
    why_not = (_waiting(holds, accept) or held_back(tools, job)) if result.gate.passed else None
    alias = CHAMPION if result.gate.passed and why_not is None else CHALLENGER
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
    tags = result.tags | found | {"sweep": swept.parent_id, SYNTHETIC: str(job.synthetic)}
    version = tools.registry.register(swept.best.run_id, alias, tags)
    if alias == CHAMPION:
        tools.registry.drop_alias(CHALLENGER, swept.best.run_id)
    if result.gate.passed and _waiting(holds, accept) is None:
        feature_store.mark_accepted(tools.objects, job.read_contract, job.data_sha256)
    return Registration(alias, version, why_not, accepted)


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
