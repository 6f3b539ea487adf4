"""A stack of the embedded mode on free ports, with nothing started yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from embedded.layout import Layout, Ports
from embedded.operate import Stack
from embedded.services.service import free_port
from tabular.settings import load_settings


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Its processes read what the command line gave from the state folder; all of them are ended after the test."""
    ports = Ports(**{name: free_port() for name in Ports.__dataclass_fields__})
    given = {f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    (tmp_path / "overrides.env").write_text("".join(f"{key}={value}\n" for key, value in given.items()))
    stack = Stack(Layout(tmp_path, ports), load_settings(given), given)
    yield stack
    stack.end()
