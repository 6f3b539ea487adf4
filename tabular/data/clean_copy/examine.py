"""A version for the data checks: from its clean copy, which is made where there is none."""

from __future__ import annotations

from tabular.contract.types import Contract
from tabular.data.clean_copy.parts import find_copy, put_copy
from tabular.data.feature_store import find_version, read, version_prefix
from tabular.data.prepared import ExaminedTable
from tabular.ports.objects import Objects


def examine(objects: Objects, contract: Contract, sha256: str) -> ExaminedTable:
    """What the contract makes of a version: its clean copy or, where there is none, the original.

    Then a copy is made, so that who loads the version afterwards reads no text. Raises as `feature_store.read` does.
    """
    version, prefix = find_version(objects, contract, sha256), version_prefix(contract, sha256)
    if (kept := find_copy(objects, prefix, contract, version.written_as)) is not None:
        return kept
    found = read(objects, contract, sha256)
    if found.table is not None:
        put_copy(objects, prefix, contract, version.written_as, found)
    return found
