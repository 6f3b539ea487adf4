"""The versions of a table: found by a name, told, compared. A name is given by a person and may be moved.

tables/<table>/names/<name>      the sha256 of the version that has the name
"""

from __future__ import annotations

import re

from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.table import CleanTable
from tabular.data.versions.version import Version
from tabular.errors import InvalidTable, NotFound, Rejected
from tabular.ports.objects import Objects
from tabular.quality.drift import ColumnDrift
from tabular.quality.version_drift import version_drift

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


def table_of(objects: Objects, contract: Contract) -> list[str]:
    """A line for each version, newest first: sha256, when, rows, where from, and its names."""
    by_sha256: dict[str, list[str]] = {}
    marked = {
        CURRENT: feature_store.latest(objects, contract),
        ACCEPTED: feature_store.last_accepted(objects, contract),
    }
    for word, version in marked.items():
        if version is not None:
            by_sha256.setdefault(version.sha256, []).append(word)
    for name, sha256 in names(objects, contract).items():
        by_sha256.setdefault(sha256, []).append(name)
    return [_line(each, by_sha256.get(each.sha256, [])) for each in feature_store.versions(objects, contract)]


def _line(version: Version, known_as: list[str]) -> str:
    when, synthetic = f"{version.created_at:%Y-%m-%d %H:%M}", " (synthetic)" if version.synthetic else ""
    named = ", ".join(known_as) or "-"
    dvc = f"  (DVC: {version.dvc})" if version.dvc is not None else ""
    harvested = f"  (harvested: {version.harvested})" if version.harvested is not None else ""
    about = f"{version.source}{synthetic}{dvc}{harvested}"
    return f"{version.sha256[:12]}  {when}  {version.rows:>11,} rows  {named:<24}  {about}"


def differences(objects: Objects, contract: Contract, before: Version, now: Version) -> list[tuple[str, str]]:
    """What differs from one version to another, as pairs of a word and a text: rows, columns, target, each feature."""
    found = [("rows", f"{before.rows:,} -> {now.rows:,}"), *_columns(before, now)]
    try:
        tables = [feature_store.load(objects, contract, each.sha256) for each in (before, now)]
    except InvalidTable as error:
        return [*found, ("note", f"the values are not compared, for one is not valid under today's contract: {error}")]
    return [*found, *_target(contract, *tables), *_drift(contract, *tables)]


def _columns(before: Version, now: Version) -> list[tuple[str, str]]:
    gone = [name for name in before.columns if name not in now.columns]
    new = [name for name in now.columns if name not in before.columns]
    changes = [*(f"- {name}" for name in gone), *(f"+ {name}" for name in new)]
    return [("columns", ", ".join(changes) or f"the same {len(now.columns)}")]


def _target(contract: Contract, before: CleanTable, now: CleanTable) -> list[tuple[str, str]]:
    if not contract.target.classes:
        means = [side.target.mean() for side in (before, now)]
        return [("target", f"mean {means[0]:.6g} -> {means[1]:.6g}")]
    shares = [side.raw_target.value_counts(normalize=True) for side in (before, now)]
    return [
        ("target", f"{label}: {shares[0].get(label, 0.0):.2%} -> {shares[1].get(label, 0.0):.2%}")
        for label in contract.target.classes
    ]


def _drift(contract: Contract, before: CleanTable, now: CleanTable) -> list[tuple[str, str]]:
    found = version_drift(contract, before, now)
    if found is None:
        return [("note", "the features are not compared, for one of the versions has no rows")]
    return [("feature", _moved(column)) for column in found.columns]


def _moved(column: ColumnDrift) -> str:
    word = "DRIFTED" if column.drifted else "the same"
    about = ", the share of missing values" if column.aspect == "missing" else ""
    return f"{column.name}: {word}{about} (distance {column.distance:.3f}, p = {column.p_value:.1g})"


def _prefix(contract: Contract) -> str:
    return f"tables/{contract.table.name}/names/"
