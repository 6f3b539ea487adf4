"""Prepare AWS, or its stand-in: the bucket, the three streams, and the table in the feature store. Safe to repeat."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model_orchestration.checks import check
from tabular import feature_store
from tabular.adapters.objects import S3Objects
from tabular.adapters.stream import StreamAdmin
from tabular.contract import Contract, load_contract
from tabular.errors import InvalidSetting, TabularError
from tabular.ports import Objects
from tabular.settings import Settings, load_settings
from tabular.synthetic import make_table

DATA = Path("data")
SYNTHETIC_ROWS = 10_000
SYNTHETIC_SEED = 0


@dataclass(frozen=True)
class Source:
    """Where the table's bytes come from."""

    body: bytes
    name: str
    is_synthetic: bool


def main() -> int:
    """Prepare everything and say what was done; 1 if something stands in the way."""
    try:
        init_aws(load_settings())
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def init_aws(settings: Settings) -> None:
    """Check the table, then create what is missing and upload it; raises Rejected before anything is uploaded."""
    contract = load_contract(settings.contract)
    source = find_source(contract, settings.dataset_csv)
    report = check(contract, source.body)
    report.require()
    _say("table", f"{contract.table.name}: {report.rows:,} rows, {_origin(contract, source)}")
    for warning in report.warnings:
        _say("warning", warning)
    objects = S3Objects(settings.s3_bucket, settings.aws_endpoint_url, settings.aws_region)
    objects.ensure_bucket()
    _say("bucket", settings.s3_bucket)
    _publish(objects, contract, source)
    streams = StreamAdmin(settings.aws_endpoint_url, settings.aws_region)
    for name in (settings.stream_predictions, settings.stream_results, settings.stream_dead_letters):
        created = streams.ensure(name, settings.stream_shards)
        _say("stream", f"{name} ({f'created, {settings.stream_shards} shards' if created else 'already there'})")


def find_source(contract: Contract, dataset_csv: str) -> Source:
    """The named file, the contract's own in `data`, or made-up rows; raises InvalidSetting if a named one is absent."""
    path = Path(dataset_csv) if dataset_csv else DATA / (contract.table.source_file or "")
    if path.is_file():
        return Source(path.read_bytes(), path.name, is_synthetic=False)
    if dataset_csv:
        raise InvalidSetting(f"DATASET_CSV={dataset_csv!r}: there is no such file (looked for {path.resolve()})")
    return Source(make_table(contract, SYNTHETIC_ROWS, SYNTHETIC_SEED), "synthetic", is_synthetic=True)


def _publish(objects: Objects, contract: Contract, source: Source) -> None:
    began = datetime.now(UTC)
    version = feature_store.publish(objects, contract, source.body, source.name, synthetic=source.is_synthetic)
    _say("version", f"{version.sha256} ({'new' if version.created_at >= began else 'already there'})")
    if version.pristine is False and not version.synthetic:
        _say(
            "warning",
            f"{source.name} is not the public file the contract knows (sha256 {contract.table.source_sha256}). Many "
            "copies of it are altered: it keeps the contract, but expect other figures",
        )


def _origin(contract: Contract, source: Source) -> str:
    if not source.is_synthetic:
        return f"real, from {source.name}"
    wanted = f"put the real table at {DATA / contract.table.source_file} or " if contract.table.source_file else ""
    return f"SYNTHETIC: made-up rows, good for a try and for nothing else. To use real ones, {wanted}set DATASET_CSV"


def _say(what: str, text: str) -> None:
    sys.stdout.write(f"{what:<8} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
