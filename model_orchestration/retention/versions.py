"""The versions of a table beyond the newest. Deleted is the manifest first: a version exists when its manifest does.

    tables/<table>/versions/<sha256>/deleting    from before the manifest goes until all else has gone

A deletion that was cut short is thereby found and finished. If the same bytes were published again meanwhile, there is
a manifest again: then the version is one, and the mark goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from model_orchestration.retention.part import Part
from tabular.contract.types import Contract
from tabular.data.feature_store import (
    MANIFEST,
    ancestors,
    last_accepted,
    latest,
    version_prefix,
    versions,
    versions_prefix,
)
from tabular.data.versions.naming import names
from tabular.data.versions.version import Version
from tabular.errors import NotFound
from tabular.ports.objects import Objects

DELETING = "deleting"


def old_versions(
    objects: Objects, contract: Contract, newest: int, needed: Mapping[str, str], *, dry: bool
) -> Iterator[Part]:
    """Delete them, or count them, but for those that are `needed`, by sha256 why; raises Unavailable, Rejected."""
    if not newest:
        return
    if not dry:
        finish_deleting(objects, contract)
    found = versions(objects, contract)
    if not found:
        return
    kept = needed_versions(objects, contract, found, newest, needed)
    old = [version for version in found if version.sha256 not in kept]
    for version in () if dry else reversed(old):
        delete_version(objects, contract, version.sha256)
    yield Part("table versions", len(old), [f"{sha256[:12]} {why}" for sha256, why in kept.items()])


def needed_versions(
    objects: Objects, contract: Contract, found: list[Version], newest: int, needed: Mapping[str, str]
) -> dict[str, str]:
    """Each version that is kept, and why: the newest, those with a name or a pointer, and what they were made of."""
    there = {version.sha256: version for version in found}
    kept = {version.sha256: "is one of the newest" for version in found[:newest]}
    kept |= {sha256: why for sha256, why in needed.items() if sha256 in there}
    kept |= {sha256: f"has the name {name}" for name, sha256 in names(objects, contract).items() if sha256 in there}
    for word, version in (("current", latest(objects, contract)), ("accepted", last_accepted(objects, contract))):
        if version is not None:
            kept[version.sha256] = f"is the {word} one"
    for sha256 in list(kept):
        for parent in _ancestors(objects, contract, there[sha256]):
            kept.setdefault(parent, f"is what {sha256[:12]} was harvested from")
    return kept


def delete_version(objects: Objects, contract: Contract, sha256: str) -> None:
    """Delete all that is kept of a version, so that it is there whole or not at all; raises Unavailable."""
    prefix = version_prefix(contract, sha256)
    objects.put(prefix + DELETING, b"")
    objects.delete(prefix + MANIFEST)
    _delete_rest(objects, prefix)


def finish_deleting(objects: Objects, contract: Contract) -> int:
    """Finish what was cut short; returns how many versions that were."""
    marks = [key for key in objects.keys(versions_prefix(contract)) if key.endswith(f"/{DELETING}")]
    for mark in marks:
        prefix = mark.removesuffix(DELETING)
        if objects.exists(prefix + MANIFEST):
            objects.delete(mark)
        else:
            _delete_rest(objects, prefix)
    return len(marks)


def _delete_rest(objects: Objects, prefix: str) -> None:
    for key in objects.keys(prefix):
        if not key.endswith(f"/{DELETING}"):
            objects.delete(key)
    objects.delete(prefix + DELETING)


def _ancestors(objects: Objects, contract: Contract, version: Version) -> list[str]:
    try:
        return ancestors(objects, contract, version)
    except NotFound:  # deleted before it was an ancestor of what is kept
        return []
