"""The peers' own environments, one a peer under .bench/peers, each exactly its requirements.txt."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from embedded.layout import PROJECT

CONTENDERS = Path(__file__).resolve().parent / "contenders"
ENVIRONMENTS = PROJECT / ".bench" / "peers"
INSTALL_SECONDS = 900


def program(peer: str, name: str, *arguments: str) -> list[str]:
    """The command of a program in a peer's environment."""
    return [str(ENVIRONMENTS / peer / "bin" / name), *arguments]


def install(peer: str) -> str:
    """Install what is not there yet; returns why it failed, or nothing."""
    locked = CONTENDERS / peer / "requirements.txt"
    folder, wanted = ENVIRONMENTS / peer, hashlib.sha256(locked.read_bytes() + sys.version.encode()).hexdigest()
    done = folder / "installed"
    if done.exists() and done.read_text() == wanted:
        return ""
    uv = installer()
    if uv is None:
        return "uv was not found: make setup installs it"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    print(f"installing {peer}", file=sys.stderr, flush=True)
    venv = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)]
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", program(peer, "python")[0], str(locked)]
    try:
        for command in (venv, sync):
            subprocess.run(command, env=_environ(), check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        why = " ".join((getattr(error, "stderr", None) or str(error)).split())[-300:]
        print(f"{peer} cannot be installed: {why}", file=sys.stderr)
        return why
    done.write_text(wanted)
    return ""


def _environ() -> dict[str, str]:
    """The installer's: as in embedded/setup.sh it keeps downloads only where UV_CACHE_DIR says so."""
    named = "UV_CACHE_DIR" in os.environ
    return {**os.environ, **({} if named else {"UV_NO_CACHE": "1", "TMPDIR": str(ENVIRONMENTS)})}


def installer() -> str | None:
    """The project's own uv, or the system's."""
    own = PROJECT / ".venv" / "bootstrap" / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")


def versions(peer: str, package: str) -> str:
    """The version a peer's lock names for a package."""
    lines = (CONTENDERS / peer / "requirements.txt").read_text().splitlines()
    return next((line.partition("==")[2] for line in lines if line.startswith(f"{package}==")), "")
