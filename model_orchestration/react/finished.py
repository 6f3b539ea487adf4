"""Which training of a table was finished last, in the feature store: what is the same again needs no training.

tables/<table>/trained      the digest of the job that was finished last
"""

from __future__ import annotations

import hashlib

import msgspec

from model_orchestration.code_digest import step_digest
from model_orchestration.job import Job
from tabular.errors import NotFound
from tabular.ports.objects import Objects

STEPS = ("check", "split", "sweep", "evaluate", "gate", "register")


def note_finished(objects: Objects, job: Job) -> None:
    """Remember that a training of this job has completed, whatever the gate said; raises Unavailable."""
    objects.put(_key(job), job_digest(job).encode())


def is_finished(objects: Objects, job: Job) -> bool:
    """True if the training that was finished last was of this very job: data, contract, settings and code."""
    try:
        return objects.get(_key(job)) == job_digest(job).encode()
    except NotFound:
        return False


def job_digest(job: Job) -> str:
    """The digest of all that a training depends on, in hex: the job, and the code of every step."""
    parts = [job, *map(step_digest, STEPS)]
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def _key(job: Job) -> str:
    return f"tables/{job.read_contract.table.name}/trained"
