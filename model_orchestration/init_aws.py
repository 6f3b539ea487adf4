"""Prepare AWS, or its stand-in: the bucket, and of each table the four streams and a version. Safe to repeat."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from model_orchestration.data.checks import check
from model_orchestration.data.harvest.cells import PREDICTION_ID
from model_orchestration.data.table_source import Datasets, Source, find_source
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.column_names import column_warnings
from tabular.data.prepared import PreparedTable, prepare
from tabular.errors import TabularError
from tabular.ports.objects import Objects
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


def main() -> int:
    """Prepare everything and say what was done; 1 if something stands in the way."""
    keep_private()
    try:
        for wiring in wire().for_tables():
            init_aws(wiring)
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def init_aws(wiring: Wiring) -> None:
    """Check one table, then create what is missing and upload it; raises Rejected before anything is uploaded."""
    settings, contract, objects = wiring.settings, wiring.contract, wiring.objects()
    objects.ensure_bucket()
    _say("bucket", settings.s3_bucket)
    datasets = Datasets(settings.state_dir)
    source = find_source(objects, contract, settings.dataset_csv, datasets.last(contract.table.name))
    prepared = prepare(contract, source.body, source.written_as)
    report = check(contract, prepared)
    report.require()
    _say("table", f"{contract.table.name}: {report.rows:,} rows, {source.origin}")
    for warning in report.warnings:
        _say("warning", warning)
    _publish(objects, contract, source, prepared)
    if source.file is not None:
        datasets.remember(contract.table.name, source.file)
    streams = wiring.stream_admin()
    names = (
        settings.stream_predictions,
        settings.stream_results,
        settings.stream_dead_letters,
        settings.stream_labels,
    )
    for name in map(wiring.stream_name, names):
        created = streams.ensure(name, settings.stream_shards)
        _say("stream", f"{name} ({f'created, {settings.stream_shards} shards' if created else 'already there'})")


def _publish(objects: Objects, contract: Contract, source: Source, prepared: PreparedTable) -> None:
    began = datetime.now(UTC)
    version = feature_store.publish(
        objects, contract, prepared, source.name, synthetic=source.is_synthetic, dvc=source.dvc
    )
    _say("read as", version.read_as.described(contract.source))
    # Synthetic rows have the contract's own columns and no others.
    columns = [name for name in version.columns if version.harvested is None or name != PREDICTION_ID]
    for warning in () if source.is_synthetic else column_warnings(contract, columns):
        _say("warning", warning)
    if version.dvc is not None:
        _say("dvc", str(version.dvc))
    _say("version", f"{version.sha256} ({'new' if version.created_at >= began else 'already there'})")
    if version.synthetic and not source.is_synthetic:
        _say(
            "warning", f"{source.name} holds the synthetic rows that were published before: it counts as synthetic data"
        )
    if version.pristine is False and not version.synthetic:
        _say(
            "warning",
            f"{source.name} is not the public file the contract knows (sha256 {contract.table.source_sha256}). Many "
            "copies of it are altered: it is valid under the contract, but expect other figures",
        )


def _say(what: str, text: str) -> None:
    sys.stdout.write(f"{what:<8} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
