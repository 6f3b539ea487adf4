"""The logins of the stack's own pages: made once, kept in the state folder for the owner's eyes alone."""

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
    """Prefect's login as `name:password`, the given one or the one that is kept; raises InvalidSetting."""
    name, colon, password = given.partition(":")
    if given and not (name and colon and password):
        raise InvalidSetting("PREFECT_AUTH_STRING must be name:password")
    return given or f"{NAME}:{_kept(layout, 'prefect')}"


def prometheus_password(layout: Layout) -> str:
    """The password of `admin` at Prometheus."""
    return _kept(layout, "prometheus")


def api_key_file(layout: Layout, key: str) -> Path:
    """A file with the key of the API, for commands that must not show it."""
    folder = layout.folder("logins")
    folder.chmod(0o700)
    file = folder / "api_key"
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_private(draft, key)
    return draft.replace(file)


def _kept(layout: Layout, name: str) -> str:
    folder = layout.folder("logins")
    folder.chmod(0o700)
    file = folder / name
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(_RANDOM_BYTES))
    return file.read_text()


def _write_once(file: Path, text: str) -> None:
    """Whole or not at all, and of several processes that start at the same time the first one's."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_private(draft, text)
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
