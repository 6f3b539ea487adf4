"""Whether a passed model may become champion: one of synthetic data never replaces one of a real table."""

from __future__ import annotations

from collections.abc import Mapping

from model_orchestration.job import SYNTHETIC, Job, Tools
from tabular.data import feature_store
from tabular.errors import NotFound


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
