"""Every program of ours that writes files keeps them to its own user, whatever the shell that started it says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from embedded.layout import PROJECT

WRITE = """
import contextlib, pathlib, sys
from {module} import main
with contextlib.suppress(BaseException):
    main({arguments})
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
(folder / "file").write_text("x")
"""


@pytest.mark.parametrize(
    "module",
    [
        "server.stream.consumer",
        "server.scoring.check_bundle",
        "monitoring.exporter",
        "embedded.__main__",
        "model_orchestration.cli",
    ],
)
def test_what_a_program_writes_is_its_users_alone(module, tmp_path):
    # Settings that it rejects, so that it ends at once; what it would write comes after.
    environ = os.environ | {"API_PORT": "none"}
    code = WRITE.format(module=module, arguments="None, None" if module.endswith("cli") else "")
    line = [sys.executable, "-c", code, str(tmp_path / "folder")]
    subprocess.run(line, env=environ, cwd=PROJECT, umask=0o022, check=False, capture_output=True, timeout=60)
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "folder" / "file").stat().st_mode & 0o777 == 0o600
