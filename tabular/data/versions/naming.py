"""Which version of a table is meant: by a name, by `current` or `accepted`, or by its sha256 or the first digits of it.

A name is given by a person and may be moved.

tables/<table>/names/<name>      the sha256 of the version that has the name
"""

from __future__ import annotations

import re

from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.versions.version import Version
from tabular.errors import NotFound, Rejected
from tabular.ports.objects import Objects

CURRENT, ACCEPTED = "current", "accepted"
LEAST_DIGITS = 6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{6,64}")


def give_name(objects: Objects, contract: Contract, name: str, version: Version) -> None:
    """Give a version a name, which leaves another if it had that; raises Rejected for a name that cannot be one."""
    if not _NAME.fullmatch(name) or name in (CURRENT, ACCEPTED) or _SHA256.fullmatch(name):
        raise Rejected(
            f"name={name!r} cannot be the name of a version: take up to 64 letters, digits, dots, dashes and "
            f"underscores, neither {CURRENT!r} nor {ACCEPTED!r}, nor what could be the beginning of a sha256"
        )
    objects.put(_prefix(contract) + name, version.sha256.encode())


def names(objects: Objects, contract: Contract) -> dict[str, str]:
    """The sha256 that each name stands for."""
    prefix = _prefix(contract)
    return {key.removeprefix(prefix): objects.get(key).decode(errors="replace") for key in objects.keys(prefix)}


def find(objects: Objects, contract: Contract, wanted: str) -> Version:
    """The version of a name, of the words current and accepted, or of a sha256 or its first digits.

    Raises NotFound saying what there is, and Rejected for digits with which several begin.
    """
    if wanted in (CURRENT, ACCEPTED):
        found = (
            feature_store.latest(objects, contract)
            if wanted == CURRENT
            else feature_store.last_accepted(objects, contract)
        )
        if found is None:
            raise NotFound(f"no version of the table {contract.table.name} was accepted yet")
        return found
    sha256 = names(objects, contract).get(wanted, wanted)
    if not _SHA256.fullmatch(sha256):
        raise NotFound(f"no version of the table {contract.table.name} has the name {wanted!r}: see make data-versions")
    several = [each for each in feature_store.versions(objects, contract) if each.sha256.startswith(sha256)]
    if len(several) > 1:
        raise Rejected(f"{len(several)} versions begin with {sha256}: give more digits")
    if not several:
        raise NotFound(f"the table {contract.table.name} has no version {sha256}: see make data-versions")
    return several[0]


def _prefix(contract: Contract) -> str:
    return f"tables/{contract.table.name}/names/"
