"""Labelled predictions become a new, immutable version of the table, checked like every other before that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from model_orchestration.data.checks import CheckReport, check
from model_orchestration.data.harvest.cells import CellWriter, NoRow
from model_orchestration.data.harvest.labelled import Labelled, coverage, labelled, newest_of_each_key
from model_orchestration.data.harvest.table import WRITTEN_AS, joined, written
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.prepared import PreparedTable, prepare
from tabular.data.reading import read_table
from tabular.data.table import CleanTable
from tabular.data.versions.harvested import Harvested, Mode
from tabular.data.versions.version import Version
from tabular.errors import InvalidTable, NotFound
from tabular.ledger.entry import LedgerEntry, entry_id
from tabular.ports.ledger import Ledger
from tabular.ports.objects import Objects
from tabular.ports.predictions import PredictionReader
from tabular.predictions.label import LATE_AFTER
from tabular.predictions.prediction import Prediction

OLDER = "a newer prediction has the same business key"


@dataclass(frozen=True, kw_only=True)
class HarvestRequest:
    """What to harvest: predictions labelled in since <= labelled_at < until (UTC), at most so many of them.

    Without `since` it begins where the parent's own harvest ended, or at the first prediction.
    `who` asks is in the ledger.
    """

    until: datetime
    since: datetime | None = None
    mode: Mode = "append"
    max_rows: int
    who: str


@dataclass(frozen=True)
class HarvestResult:
    """The version that was published, and what the checks found."""

    version: Version
    report: CheckReport
    is_new: bool


def harvest(
    objects: Objects, store: PredictionReader, ledger: Ledger, contract: Contract, asked: HarvestRequest
) -> HarvestResult:
    """Make the labelled predictions rows of a new version, and that the current one; the ledger gets an entry.

    They are appended to, or replace, the version whose model passed the gate last, or else the current one. Raises
    NotFound if there are none, Rejected if the contract cannot have them, InvalidTable if the checks find the table
    broken, and Unavailable; then nothing is published.
    """
    writer = CellWriter(contract)
    parent = feature_store.last_accepted(objects, contract) or feature_store.latest(objects, contract)
    since, until = _beginning(parent, asked), min(asked.until, datetime.now(UTC) - LATE_AFTER)
    found = labelled(store, contract.table.name, since, until, asked.max_rows)
    rows, lineage = _rows(writer, found)
    if not rows:
        raise NotFound(_nothing(contract, since, until, lineage))
    before, _ = read_table(feature_store.fetch(objects, contract, parent.sha256), parent.written_as)
    table = joined(contract, before if asked.mode == "append" else before.head(0), [cells for _, cells in rows])
    prepared = prepare(contract, written(table.cells), WRITTEN_AS)
    report = check(contract, prepared, _clean(objects, contract, parent))
    report.require()
    harvested = Harvested(
        parent=parent.sha256,
        mode=asked.mode,
        since=since,
        until=until,
        rows=len(rows),
        parent_rows=table.parent_rows,
        replaced_rows=table.replaced_rows,
        share=found.share,
        coverage=coverage(store, contract.table.name, [one for one, _ in rows], asked.max_rows),
        runs=dict(Counter(one.run_id for one, _ in rows)),
        **lineage,
    )
    result = _published(objects, contract, prepared, report, harvested, parent)
    ledger.append(_entry(contract, result.version, harvested, asked.who))
    return result


def _beginning(parent: Version, asked: HarvestRequest) -> datetime | None:
    if asked.since is not None or asked.mode == "replace" or parent.harvested is None:
        return asked.since
    return parent.harvested.until


def _rows(
    writer: CellWriter, found: Labelled
) -> tuple[list[tuple[Prediction, dict[str, str]]], dict[str, dict[str, int]]]:
    """The predictions that are rows with their cells, and the counts of those that are none or not quite as stored."""
    newest = newest_of_each_key(found.predictions)
    left_out = Counter({OLDER: len(found.predictions) - len(newest)})
    as_missing: Counter[str] = Counter()
    rows = []
    for prediction in newest:
        try:
            row = writer.row(prediction)
        except NoRow as why:
            left_out[why.message] += 1
        else:
            rows.append((prediction, row.cells))
            as_missing.update(row.as_missing)
    return rows, {"left_out": dict(+left_out), "as_missing": dict(as_missing)}


def _nothing(contract: Contract, since: datetime | None, until: datetime, counts: dict[str, dict[str, int]]) -> str:
    when = f"from {since:%Y-%m-%d %H:%M} " if since is not None else ""
    why = "; ".join(f"{count:,} are left out, for {reason}" for reason, count in counts["left_out"].items())
    return (
        f"no labelled prediction of the table {contract.table.name} {when}until {until:%Y-%m-%d %H:%M} UTC can become "
        f"a row{f': {why}' if why else ''}. Attach labels with `make labels file=…`, or name another since="
    )


def _clean(objects: Objects, contract: Contract, parent: Version) -> CleanTable | None:
    try:
        return feature_store.load(objects, contract, parent.sha256)
    except InvalidTable:  # from before the contract changed: nothing to compare with
        return None


def _published(
    objects: Objects,
    contract: Contract,
    prepared: PreparedTable,
    report: CheckReport,
    harvested: Harvested,
    parent: Version,
) -> HarvestResult:
    before = {version.sha256 for version in feature_store.versions(objects, contract)}
    source = f"{harvested.rows:,} labelled predictions"
    version = feature_store.publish(
        objects, contract, prepared, source, synthetic=parent.synthetic, harvested=harvested
    )
    return HarvestResult(version, report, version.sha256 not in before)


def _entry(contract: Contract, version: Version, harvested: Harvested, who: str) -> LedgerEntry:
    table = contract.table.name
    return LedgerEntry(
        id=entry_id(table, "harvested", version.sha256),
        at=datetime.now(UTC),
        table=table,
        kind="harvested",
        who=who,
        why=str(harvested),
        evidence={
            "data_version": version.sha256,
            "parent": harvested.parent,
            "rows": float(harvested.rows),
            "rows_of_the_version": float(version.rows),
            "replaced_rows": float(harvested.replaced_rows),
            "runs": " ".join(sorted(harvested.runs)),
            **{f"labelled_share_{at}": decile.share for at, decile in enumerate(harvested.coverage, start=1)},
        },
    )


def summary(result: HarvestResult) -> Sequence[tuple[str, str]]:
    """What was done, as pairs of a word and a text."""
    version, lineage = result.version, result.version.harvested
    if lineage is None:
        raise LookupError(f"the version {version.sha256} has no lineage of a harvest")
    runs = ", ".join(f"{run_id} {rows:,}" for run_id, rows in sorted(lineage.runs.items()))
    lines = [
        ("harvest", str(lineage)),
        ("rows", f"{version.rows:,}: {lineage.parent_rows:,} of the parent, {lineage.rows:,} harvested"),
        ("runs", f"the predictions were made by {runs}"),
    ]
    if lineage.share < 1:
        lines.append(("sample", f"there are more: a uniform sample of {lineage.share:.1%} of them (HARVEST_MAX_ROWS)"))
    if lineage.replaced_rows:
        lines.append(("replaced", f"{lineage.replaced_rows:,} rows of the parent, whose id has a newer row"))
    lines += [("left out", f"{count:,}: {reason}") for reason, count in lineage.left_out.items()]
    lines += [
        ("missing", f"{name}: the contract does not list the category of {count:,} rows, which are missing there")
        for name, count in lineage.as_missing.items()
    ]
    lines += [
        (
            "labelled",
            f"score {decile.low:.4g} to {decile.high:.4g}: {decile.labelled:,} of {decile.predictions:,} predictions "
            f"({decile.share:.0%})",
        )
        for decile in lineage.coverage
    ]
    lines += [("warning", text) for text in result.report.warnings]
    return [*lines, ("version", f"{version.sha256} ({'new' if result.is_new else 'already there'})")]
