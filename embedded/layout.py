"""The layout of an embedded stack: its ports, folders and executables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tabular.errors import InvalidSetting
from tabular.setting_groups.types import LAST_PORT
from tabular.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ports:
    """The ports of the stack, all on loopback."""

    emulator: int = 4566
    store: int = 27018
    mlflow: int = 5051
    prefect: int = 4200
    api: int = 9696
    consumer_metrics: int = 8086
    shadow_metrics: int = 8087
    monitor: int = 8085
    prometheus: int = 9091
    reports: int = 8888


@dataclass(frozen=True)
class Layout:
    """One stack: everything it writes is under `state`."""

    state: Path = PROJECT / ".state"
    ports: Ports = field(default_factory=Ports)

    @property
    def logs(self) -> Path:
        """The one folder of all logs."""
        return self.state / "logs"

    @property
    def reports(self) -> Path:
        """The folder of drift reports."""
        return self.state / "reports"

    def folder(self, name: str) -> Path:
        """A folder under the state folder, created if it is missing; raises OSError."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def layout_of(settings: Settings) -> Layout:
    """The layout for these settings; raises InvalidSetting if the offset leads above the highest port."""
    offset = settings.port_offset
    ports = {name: getattr(settings, f"{name}_port") + offset for name in Ports.__dataclass_fields__}
    for name, port in ports.items():
        if port > LAST_PORT:
            raise InvalidSetting(f"PORT_OFFSET={offset} cannot be used: {name.upper()}_PORT would be {port}")
    return Layout(state=(PROJECT / settings.state_dir).resolve(), ports=Ports(**ports))


def executable(name: str) -> str:
    """The path of a program of this environment, of the emulators' one, or of the system; the bare name if none."""
    return find_executable(name) or name


def program(name: str) -> tuple[str, ...]:
    """The command that starts a program: a script of our environments through its interpreter.

    A script's first line cannot name an interpreter whose path has a space or a quote in it.
    """
    found = executable(name)
    interpreter = Path(found).parent / "python"
    is_script = interpreter.exists() and Path(found).is_relative_to(PROJECT)
    return (str(interpreter), found) if is_script else (found,)


def find_executable(name: str) -> str | None:
    """The path of a program, or None if it is not installed."""
    own = [Path(sys.executable).parent / name, PROJECT / ".venv-emulators" / "bin" / name]
    found = next((str(path) for path in own if path.exists()), None)
    # Debian installs daemons in /usr/sbin, which an ordinary user's PATH does not contain.
    return found or shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def filled_in(template: Path, values: Mapping[str, str]) -> str:
    """The text of one of our files with each `${NAME}` replaced by its value; raises OSError."""
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text
