"""The build hook compiles the tree traversal into the wheel, and does without where nothing compiles."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from embedded.layout import PROJECT

SOURCES = ("pyproject.toml", "README.md", "hatch_build.py", "tabular/model/native/tree_traversal.c")
LIBRARY = "tabular/model/native/tree_traversal.so"


def build(folder: Path, **environ: str) -> tuple[Path, str]:
    """The wheel of a checkout that holds the compiled part alone, and what the build said."""
    for name in SOURCES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel, done.stdout + done.stderr


def test_the_wheel_holds_the_library_and_is_for_this_platform_and_any_python(tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("this machine has no C compiler")
    wheel, _ = build(tmp_path)
    assert "-py3-none-linux_" in wheel.name
    assert LIBRARY in zipfile.ZipFile(wheel).namelist()
    assert (tmp_path / LIBRARY).read_bytes()[:4] == b"\x7fELF"  # where an editable installation looks for it


def test_where_nothing_compiles_the_wheel_has_no_library_and_the_build_says_so(tmp_path):
    wheel, said = build(tmp_path, PATH=str(tmp_path / "nothing"))
    assert LIBRARY not in zipfile.ZipFile(wheel).namelist()
    assert "could not be compiled" in said


def test_the_compiler_that_stands_in_compiles_for_every_processor():
    assert '"-mcpu=baseline"' in (PROJECT / "hatch_build.py").read_text()  # an image built on one runs on another
