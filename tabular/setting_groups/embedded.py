"""The settings of the embedded mode alone: ports, the emulator, and how many processes there are."""

from __future__ import annotations

import msgspec

from tabular.setting_groups.types import Consumers, Count, CountOrNone, Port, Positive


class EmbeddedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field is the environment variable of the same name in capitals, like those of `Settings`."""

    emulator_port: Port = 4566
    """Embedded mode: the port of the S3 and Kinesis emulator."""

    emulator_retention_seconds: Positive = 1_800.0
    """Embedded mode: how long the emulator keeps a stream's records, counted while it runs; Kinesis itself: a day."""

    emulator_max_bytes: Count = 2_000_000_000
    """Embedded mode: the most memory for the streams' records; beyond it puts are rejected, and clients retry."""

    store_port: Port = 27018
    """Embedded mode: the port of the prediction store."""

    mlflow_port: Port = 5051
    """Embedded mode: the port of the MLflow server."""

    mlflow_backend_uri: str = ""
    """Embedded mode: where MLflow keeps runs and models, `postgresql://user:password@host/mlflow`. Empty: SQLite."""

    mlflow_artifacts_destination: str = ""
    """Embedded mode: where MLflow keeps bundles, `s3://bucket/prefix`. Empty: a folder."""

    prefect_database_uri: str = ""
    """Embedded mode: where Prefect keeps flows and runs, `postgresql://user:password@host/prefect`. Empty: SQLite."""

    prefect_port: Port = 4200
    """Embedded mode: the port of the Prefect server."""

    prefect_auth_string: str = ""
    """Embedded mode: Prefect's login, as `name:password`. Empty: one is made and kept; `make status` shows it."""

    prometheus_port: Port = 9091
    """Embedded mode: the port of Prometheus."""

    reports_port: Port = 8888
    """Embedded mode: the port on which the reports are hosted."""

    port_offset: CountOrNone = 0
    """Embedded mode: added to every port, for a second clone beside the first; remembered until `PORT_OFFSET=`."""

    consumers: Consumers = 1
    """Embedded mode: how many consumers share the stream's shards, up to four."""
