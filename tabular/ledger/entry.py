"""One entry of the ledger: what happened to a model or its table, who decided it, when, why, and on what evidence."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal[
    "trained",
    "rejected",
    "registered",
    "promoted",
    "rolled_back",
    "challenged",
    "dropped",
    "alarmed",
    "alarm_ended",
    "retrained",
    "harvested",
    "labels_arrived",
    "decided",
    "deleted",
]
Evidence = Mapping[str, str | float | None]

_NAMESPACE = uuid.UUID("a8f5a1d6-0c52-4f0e-9a5e-7b6f4d6a3f21")


def new_entry_id() -> str:
    """The id of an entry about something that happens once, such as a command."""
    return str(uuid.uuid4())


def entry_id(table: str, kind: Kind, *identity: str) -> str:
    """The id of an event that has an identity, such as a training's run: appended again, it is stored once."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((table, kind, *identity))))


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. It is never changed: what turned out otherwise is a later entry.

    `at` is UTC (a naive time counts as UTC). `kind` says what happened: a model was `trained`, `rejected` by the gate,
    `registered`, `promoted` to champion, `rolled_back` from it, `challenged` (it entered shadow) or `dropped` (it left
    it without becoming champion); a table was `alarmed`, its alarm has ended (`alarm_ended`), it was `retrained`, its
    labels were `harvested` into a new version, `labels_arrived`; the policy has `decided` something, if only to do
    nothing; data that nothing needed any more were `deleted`.
    `run_id` is the MLflow run it is about, if it is about one. `who` acted: `gate`, `shadow`, `react`, `monitor`, or
    `engineer NAME`. `why` is a sentence; `evidence` are the figures and links it rests on, by name.
    """

    id: str = msgspec.field(default_factory=new_entry_id)
    at: datetime
    table: str
    kind: Kind
    run_id: str | None = None
    who: str
    why: str
    evidence: dict[str, str | float | None] = msgspec.field(default_factory=dict)
