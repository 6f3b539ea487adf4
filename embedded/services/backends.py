"""The backends of the stack: stand-ins for AWS and MongoDB, MLflow, Prefect. Tests start the same ones."""

from __future__ import annotations

import os
import shutil
import sys

from embedded.layout import PROJECT, Layout, program
from embedded.services.logins import prefect_login
from embedded.services.service import Service
from tabular.process.allowed_hosts import ANY, names_of
from tabular.settings import Settings

# The emulators do not check credentials, but boto3 requires some; the user's own files are not read.
AWS_ENVIRON = {
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
EMULATORS_PYTHON = PROJECT / ".venv-emulators" / "bin" / "python"
QUIET_PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}
# Of its server and its worker; commands that somebody looks at keep Prefect's own notation.
PREFECT_LOGS = {"PREFECT_LOGGING_SETTINGS_PATH": str(PROJECT / "model_orchestration" / "deployments" / "logging.yml")}
QUIET_MLFLOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


DEFAULTS = Settings()


def emulator(layout: Layout, settings: Settings = DEFAULTS) -> Service:
    """Ministack: S3 and Kinesis on one port, S3 kept on disk."""
    folder = layout.folder("emulator")
    given = {
        "--port": layout.ports.emulator,
        "--allowed-hosts": settings.allowed_hosts,
        "--retention-seconds": settings.emulator_retention_seconds,
        "--max-bytes": settings.emulator_max_bytes,
    }
    options = [f"{name}={value}" for name, value in given.items()]
    return Service(
        name="emulator",
        command=(str(EMULATORS_PYTHON), "-m", "embedded.emulators.server", *options),
        port=layout.ports.emulator,
        ready_url=f"http://127.0.0.1:{layout.ports.emulator}/_ministack/health",
        working_folder=PROJECT,
        environ={
            "GATEWAY_PORT": str(layout.ports.emulator),
            "SERVICES": "s3,kinesis",  # some of its other services execute code
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        },
    )


def store(layout: Layout) -> Service:
    """nx-27017: the MongoDB wire protocol over SQLite."""
    folder = layout.folder("store")
    pid_file = folder / "nx.pid"
    command = (*program("nx-27017"), "--host", "127.0.0.1", "-p", str(layout.ports.store))
    files = ("--data-dir", str(folder), "--log-file", str(folder / "nx.log"), "--pid-file", str(pid_file))
    return Service(name="store", command=command + files, port=layout.ports.store, stale_files=(pid_file,))


def mlflow(layout: Layout, settings: Settings = DEFAULTS) -> Service:
    """The MLflow server, which serves artifacts too; in SQLite and a folder unless the settings say where."""
    folder, port = layout.folder("mlflow"), layout.ports.mlflow
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    # By default it also allows every name that begins like a private address, such as 10.evil.example.
    known = ",".join(name if name == ANY else f"{name}:{port}" for name in names_of(settings.allowed_hosts))
    closed = ("--allowed-hosts", known, "--cors-allowed-origins", f"http://127.0.0.1:{port}")
    # As variables, for a command line can be read. Relative: a database URL does not allow every character of a path.
    kept = {
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_backend_uri or "sqlite:///mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": settings.mlflow_artifacts_destination or "artifacts",
    }
    shutil.copyfile(PROJECT / "mlflow" / "logging.json", folder / "logging.json")
    logged = ("--uvicorn-opts", "--log-config logging.json")
    return Service(
        name="mlflow",
        command=(*program("mlflow"), "server", *where, *closed, *logged, "--serve-artifacts"),
        port=layout.ports.mlflow,
        ready_url=f"http://127.0.0.1:{layout.ports.mlflow}/health",
        environ=QUIET_MLFLOW | kept,
        working_folder=folder,
    )


def prefect(layout: Layout, settings: Settings = DEFAULTS) -> Service:
    """The Prefect server behind a login, in SQLite or the database of the settings.

    Raises InvalidSetting for a malformed login.
    """
    folder, port = layout.folder("prefect"), layout.ports.prefect
    database = settings.prefect_database_uri.replace("postgresql:", "postgresql+asyncpg:", 1)
    return Service(
        name="prefect",
        command=(sys.executable, "-m", "embedded.services.prefect_server", "--port", str(port)),
        port=port,
        ready_url=f"http://127.0.0.1:{port}/api/health",
        environ={
            **QUIET_PREFECT,
            **PREFECT_LOGS,
            "PREFECT_HOME": str(folder),
            "PREFECT_SERVER_API_AUTH_STRING": prefect_login(layout, settings.prefect_auth_string),
            "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
            "ALLOWED_HOSTS": settings.allowed_hosts,
            **({"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}),
        },
    )
