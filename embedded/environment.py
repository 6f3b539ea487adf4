"""The environment of the stack's processes: `.env.embedded`, then what the command line gave, then the addresses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from embedded.layout import PROJECT, Layout
from embedded.services.backends import AWS_ENVIRON, QUIET_MLFLOW, QUIET_PREFECT
from embedded.services.logins import prefect_login
from tabular.errors import InvalidSetting
from tabular.process.private_files import write_private
from tabular.settings import Settings, load_settings
from tabular.tables.pins import PINS, is_pin, pins_of

ENV_FILE = PROJECT / ".env.embedded"
# Set in every process of a stack, so that `stop` finds those whose supervisor was killed.
MARKER = "EMBEDDED_STACK"
# nx-27017 commits each document by itself. With `journal` each commit is an fsync, which survives a power failure;
# without it the kernel has the commit, which survives kill -9. The same guarantee as the outbox gives.
_STORE_SYNC = {"normal": "/?w=1&journal=false", "full": ""}
_TEMPORARY = "tmp"
_CRONS = ("TRAIN_CRON", "REACT_CRON", "REPORT_CRON", "SCORE_CRON", "RETENTION_CRON")
_SETTING_NAMES = (*(name.upper() for name in Settings.__struct_fields__), *_CRONS)


def read_env_file(path: Path) -> dict[str, str]:
    """Read KEY=value lines, comments and blank lines left out; raises InvalidSetting naming the line."""
    values = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidSetting(f"{path}, line {number}: {text!r} is not KEY=value")
        values[key.strip()] = value.strip()
    return values


def given_on_the_command_line() -> dict[str, str]:
    """The settings in the caller's own environment; an empty one clears what an earlier start was given."""
    prefects_own = os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    given = {"PREFECT_AUTH_STRING": prefects_own} if prefects_own else {}
    given |= {name: os.environ[name] for name in _SETTING_NAMES if name in os.environ}
    return given | ({PINS.upper(): pins} if (pins := pins_of(os.environ)) else {})


def remember(layout: Layout, given: Mapping[str, str]) -> None:
    """Save the command line's settings for the processes that start later; raises OSError."""
    layout.state.mkdir(parents=True, exist_ok=True)
    layout.state.chmod(0o700)
    _write(_overrides(layout.state), given)


def remembered(state: Path) -> dict[str, str]:
    """The command line's settings that the last start saved; raises InvalidSetting for a damaged file."""
    path = _overrides(state)
    return read_env_file(path) if path.exists() else {}


def was_started(state: Path) -> bool:
    """True if a start has saved its settings, if only that there were none."""
    return _overrides(state).exists()


def is_changed(state: Path, group: str, given: Mapping[str, str]) -> bool:
    """Save the settings that a group of processes starts with from now on; True if they differ from the saved ones."""
    path = state / f"{group}.env"
    is_known, before = path.exists(), last_start(state, group)
    _write(path, given)
    return is_known and before != dict(given)


def last_start(state: Path, group: str) -> dict[str, str]:
    """The settings that `is_changed` saved for a group of processes; none before its first start."""
    path = state / f"{group}.env"
    return read_env_file(path) if path.exists() else {}


def process_base(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without our settings: the parent process may have been started with older ones."""
    return {name: value for name, value in environ.items() if name not in _SETTING_NAMES and not is_pin(name)}


def stack_settings(state: Path, given: Mapping[str, str]) -> Settings:
    """The settings of the stack; raises InvalidSetting."""
    return load_settings({**read_env_file(ENV_FILE), **given, "STATE_DIR": str(state)})


def process_environ(layout: Layout, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of every process of the stack; raises InvalidSetting for a damaged env file."""
    ports, chosen = layout.ports, {**read_env_file(ENV_FILE), **given}
    addresses = {
        "STATE_DIR": str(layout.state),
        "REPORTS_DIR": str(layout.reports),
        "FLOW_CACHE_DIR": str(layout.state / "flow-cache"),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports.emulator}",
        "MONGO_URI": f"mongodb://127.0.0.1:{ports.store}{_STORE_SYNC[chosen.get('OUTBOX_SYNC') or 'normal']}",
        "PREFECT_API_URL": f"http://127.0.0.1:{ports.prefect}/api",
        "PREFECT_HOME": str(layout.state / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        **{f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()},
        MARKER: str(layout.state),
    }
    chosen.pop("PREFECT_AUTH_STRING", None)  # only clients of Prefect get it
    chosen.pop("PORT_OFFSET", None)  # it is in the ports
    return {**AWS_ENVIRON, **QUIET_PREFECT, **QUIET_MLFLOW, **chosen, **addresses, **_own_folders(layout)}


def prefect_client_environ(layout: Layout, settings: Settings) -> dict[str, str]:
    """What clients of Prefect need in addition: its worker, the flows and our commands; raises InvalidSetting."""
    return {"PREFECT_API_AUTH_STRING": prefect_login(layout, settings.prefect_auth_string)}


def empty_temporary_folder(layout: Layout) -> None:
    """Delete what killed processes left in the stack's own TMPDIR; call it only while none of its processes runs."""
    shutil.rmtree(layout.state / _TEMPORARY, ignore_errors=True)
    layout.folder(_TEMPORARY)


def _own_folders(layout: Layout) -> dict[str, str]:
    """Folders for what libraries would otherwise write to the home folder or the system's temporary folder."""
    names = {"TMPDIR": _TEMPORARY, "MPLCONFIGDIR": "matplotlib", "XDG_CACHE_HOME": "cache"}
    return {variable: str(layout.folder(name)) for variable, name in names.items()}


def _write(path: Path, given: Mapping[str, str]) -> None:
    write_private(path, "".join(f"{key}={value}\n" for key, value in sorted(given.items())))


def _overrides(state: Path) -> Path:
    return state / "overrides.env"
