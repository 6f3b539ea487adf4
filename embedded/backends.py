"""The servers the stack stands on: AWS and MongoDB stand-ins, MLflow, Prefect. Tests start the very same ones."""

from __future__ import annotations

from embedded.layout import Layout, executable
from embedded.service import Service

# The emulators check no credential; boto3 only wants to have some.
AWS_ENVIRON = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded", "AWS_DEFAULT_REGION": "us-east-1"}
QUIET_PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}
QUIET_MLFLOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def emulator(layout: Layout) -> Service:
    """Ministack: S3 and Kinesis on one port, S3 kept on disk."""
    folder = layout.folder("emulator")
    return Service(
        name="emulator",
        command=(executable("ministack"),),
        port=layout.ports.emulator,
        ready_url=f"http://127.0.0.1:{layout.ports.emulator}/_ministack/health",
        environ={
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(layout.ports.emulator),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        },
    )


def moto(layout: Layout) -> Service:
    """Moto: the second emulator, for tests; in memory only."""
    return Service(
        name="moto",
        command=(executable("moto_server"), "-H", "127.0.0.1", "-p", str(layout.ports.emulator)),
        port=layout.ports.emulator,
        ready_url=f"http://127.0.0.1:{layout.ports.emulator}/moto-api/data.json",
    )


def store(layout: Layout) -> Service:
    """nx-27017: the MongoDB wire protocol over SQLite."""
    folder = layout.folder("store")
    pid_file = folder / "nx.pid"
    command = (executable("nx-27017"), "--host", "127.0.0.1", "-p", str(layout.ports.store))
    files = ("--data-dir", str(folder), "--log-file", str(folder / "nx.log"), "--pid-file", str(pid_file))
    return Service(name="store", command=command + files, port=layout.ports.store, stale_files=(pid_file,))


def mlflow(layout: Layout) -> Service:
    """The MLflow server, with its metadata in SQLite and its artifacts on disk, served through it."""
    folder = layout.folder("mlflow")
    where = ("--host", "127.0.0.1", "--port", str(layout.ports.mlflow), "--workers", "1")
    kept = (
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    )
    return Service(
        name="mlflow",
        command=(executable("mlflow"), "server", *where, *kept, "--serve-artifacts"),
        port=layout.ports.mlflow,
        ready_url=f"http://127.0.0.1:{layout.ports.mlflow}/health",
        environ=QUIET_MLFLOW,
    )


def prefect(layout: Layout) -> Service:
    """The Prefect server, with its database in SQLite."""
    folder = layout.folder("prefect")
    return Service(
        name="prefect",
        command=(executable("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(layout.ports.prefect)),
        port=layout.ports.prefect,
        ready_url=f"http://127.0.0.1:{layout.ports.prefect}/api/health",
        environ={**QUIET_PREFECT, "PREFECT_HOME": str(folder)},
    )
