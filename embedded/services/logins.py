"""The logins of the stack's own pages: generated once, stored in the state folder, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from embedded.layout import Layout
from tabular.errors import InvalidSetting
from tabular.process.private_files import write_private

NAME = "admin"
_RANDOM_BYTES = 24


def prefect_login(layout: Layout, given: str = "") -> str:
    """Prefect's login as `name:password`, the given one or the stored one; raises InvalidSetting."""
    name, colon, password = given.partition(":")
    if given and not (name and colon and password):
        raise InvalidSetting("PREFECT_AUTH_STRING must be name:password")
    return given or f"{NAME}:{_stored(layout, 'prefect')}"


def prometheus_password(layout: Layout) -> str:
    """The password of the user `admin` of Prometheus; raises OSError."""
    return _stored(layout, "prometheus")


def api_key_file(layout: Layout, key: str) -> Path:
    """Write the API key to a file, for commands that must not display it; raises OSError."""
    folder = layout.folder("logins")
    folder.chmod(0o700)
    file = folder / "api_key"
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_private(draft, key)
    return draft.replace(file)


def _stored(layout: Layout, name: str) -> str:
    folder = layout.folder("logins")
    folder.chmod(0o700)
    file = folder / name
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(_RANDOM_BYTES))
    return file.read_text()


def _write_once(file: Path, text: str) -> None:
    """Create the file atomically; if several processes do so at once, the first one wins."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_private(draft, text)
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
