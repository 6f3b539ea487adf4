"""The parts of a job's table: split again, the same, wherever they are needed, and kept for the next who asks."""

from __future__ import annotations

from functools import lru_cache

from model_orchestration.data.split import Split, split
from model_orchestration.job import Job, Tools
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.categories.learning import learning_faults, learnt
from tabular.errors import InvalidTable


def parts_of(tools: Tools, job: Job) -> Split:
    """The parts of the table of a job; raises InvalidTable, NotFound and Unavailable."""
    return _cut(tools, job.contract, job.data_sha256, job.seed)


def contract_of(tools: Tools, job: Job) -> Contract:
    """The contract of a job with the categories that its training rows teach.

    Raises like `parts_of`, and InvalidTable for a feature whose categories cannot be learnt.
    """
    contract = learnt(job.read_contract, parts_of(tools, job).train)
    if faults := learning_faults(contract):
        raise InvalidTable("categories cannot be learnt from the training rows", faults)
    return contract


@lru_cache(maxsize=2)
def _cut(tools: Tools, contract_json: str, sha256: str, seed: int) -> Split:
    job = Job(contract=contract_json, data_sha256=sha256, seed=seed, trials=0, time_budget_seconds=0, code="")
    return split(feature_store.load(tools.objects, job.read_contract, sha256), seed, job.read_contract.split)
