"""Say what is missing for what, and how to get it: `make doctor`, also before `make setup`.

It imports nothing of the project: nothing has to be installed for it.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
PYTHONS = ((3, 11), (3, 13))
NEEDED_DISK_GB = 3.0
"""`make setup` takes about 1.8 GB, and the loop writes beside it."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CHROMIUM = Path("/usr/bin/chromium")
APT = "sudo apt-get install --no-install-recommends"
RUN, TESTS, CONTAINERS = "make run", "make test", "env=local and env=cloud"


class Check(NamedTuple):
    """One thing that was looked at; `is_needed` if `make run` does not work without it. `remedy` gets a missing one."""

    what: str
    is_there: bool
    used_for: str
    remedy: str
    is_needed: bool = True


def main() -> int:
    """Print a line for each thing; 1 if something is missing that `make run` needs."""
    checks = list(found())
    for check in checks:
        mark = "ok     " if check.is_there else "MISSING" if check.is_needed else "not yet"
        remedy = "" if check.is_there else f"\n          {check.remedy}"
        sys.stdout.write(f"{mark}  {check.what}, for {check.used_for}{remedy}\n")
    missing = [check.what for check in checks if check.is_needed and not check.is_there]
    last = f"Missing for {RUN}: {', '.join(missing)}." if missing else f"Nothing is missing for {RUN}."
    sys.stdout.write(f"\n{last}\n")
    return int(bool(missing))


def found() -> Iterator[Check]:
    """Everything that is looked at, what `make run` needs first."""
    version = sys.version_info[:2]
    oldest, newest = (".".join(map(str, one)) for one in PYTHONS)
    remedy = f"Install one, and name it: make setup PYTHON=/path/to/python{newest}"
    yield Check(f"Python {oldest} to {newest}", PYTHONS[0] <= version <= PYTHONS[1], "everything", remedy)
    has_venv = importlib.util.find_spec("ensurepip") is not None
    yield Check("Python's venv", has_venv, "make setup", f"{APT} python3-venv")
    for program in ("git", "make", "curl"):
        yield Check(program, shutil.which(program) is not None, RUN, f"{APT} {program}")
    yield Check("certificates", CERTIFICATES.exists(), "make setup", f"{APT} ca-certificates")
    free_gb = shutil.disk_usage(PROJECT).free / 1e9
    is_set_up = (PROJECT / ".venv" / ".ready").exists()
    remedy = f"Free some: there are {free_gb:.1f} GB at {PROJECT}"
    yield Check(f"{NEEDED_DISK_GB:g} GB of disk", free_gb >= NEEDED_DISK_GB or is_set_up, "make setup and run", remedy)
    if not (
        PROJECT / ".state" / "supervisor" / "supervisord.sock"
    ).exists():  # else the ports are in use by the loop itself
        yield from _ports()
    yield Check("packages", is_set_up, RUN, "make setup, which make run does by itself", is_needed=False)
    yield from _optional()


def _ports() -> Iterator[Check]:
    remedy = "Stop what uses it ('ss -ltnp' shows it), or move every port: make run PORT_OFFSET=100"
    text = (PROJECT / "embedded" / "layout.py").read_text()  # importing it would need the packages
    for name, port in re.findall(r"^    (\w+): int = (\d+)$", text, re.MULTILINE):
        yield Check(f"port {port}", _is_free(int(port)), name, remedy)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _optional() -> Iterator[Check]:
    for program, used_for, package in (
        ("prometheus", "history and alerts of make run", "prometheus"),
        ("nginx", f"the report pages in {TESTS}; make run has a server of its own", "nginx-light"),
        ("debootstrap", "make test-bare", "debootstrap"),
    ):
        is_there = shutil.which(program) is not None
        yield Check(program, is_there, used_for, f"{APT} {package}", is_needed=False)
    yield Check("Chromium", CHROMIUM.exists(), TESTS, f"{APT} chromium, or as root: make setup_tests", is_needed=False)
    remedy = "Install Docker Engine with Compose 2.20 or newer, and start it: https://docs.docker.com/engine/install/"
    yield Check("Docker with Compose 2", _has_compose(), CONTAINERS, remedy, is_needed=False)


def _has_compose() -> bool:
    """True if the engine responds and the plugin is there."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    for command in ((docker, "compose", "version"), (docker, "info")):
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=20)  # noqa: S603 - our own words
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
