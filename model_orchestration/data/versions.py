"""The versions of a table: listed, and compared."""

from __future__ import annotations

from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.table import CleanTable
from tabular.data.versions.naming import ACCEPTED, CURRENT, names
from tabular.data.versions.version import Version
from tabular.errors import InvalidTable
from tabular.ports.objects import Objects
from tabular.quality.drift import ColumnDrift
from tabular.quality.version_drift import version_drift


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
