"""Nginx over a folder of reports, with the project's own configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded.layout import PROJECT, filled_in, find_executable
from embedded.services.service import Service, free_port


@contextmanager
def nginx_over(reports: Path, folder: Path) -> Iterator[int]:
    """Runs it in the folder, and gives its port; skips the test where Nginx is not installed."""
    found = find_executable("nginx")
    if found is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    values = {
        "REPORTS_HOST": "127.0.0.1",
        "REPORTS_PORT": str(port),
        "REPORTS_NAMES": "localhost 127.0.0.1 [::1]",
        "REPORTS_DIR": str(reports),
        "RUN_DIR": str(folder),
    }
    (folder / "nginx.conf").write_text(filled_in(PROJECT / "reporting" / "nginx" / "nginx.conf", values))
    # A master that is root gives its workers another user, who cannot read the temporary folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command = (str(found), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", directives)
    with Service("nginx", command, port).running(folder / "nginx.log"):
        yield port
    assert "warn" not in (folder / "nginx.log").read_text()
