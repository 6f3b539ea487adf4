"""Compiles the tree traversal into the package whenever the project is built or installed, editable or not.

It takes the system's C compiler or, if there is none, the one in the package `ziglang`, which the build alone gets. If
nothing compiles there is no library, and XGBoost scores the rows itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "tabular/model/native/tree_traversal.c"
# The order and the rounding of every operation count: no fast-math, no contraction.
FLAGS = ("-O2", "-fPIC", "-shared", "-ffp-contract=off")
ZIGLANG = "ziglang==0.17.0"
# By default it compiles for all that this processor can; an image that is built here runs on others.
ZIG = (sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline")


class NativeBuildHook(BuildHookInterface):
    """Hatchling's hook for the wheel; see `[tool.hatch.build]` in pyproject.toml."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling."""
        return [] if _system_compiler() else [ZIGLANG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the base class's
        """Compile, and add the library to the wheel, which is then for this platform."""
        source = Path(self.root, SOURCE)
        library, fresh = source.with_suffix(".so"), source.with_suffix(".so.new")
        try:
            _compile(source, fresh)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"{SOURCE} could not be compiled ({error}): rows are scored by XGBoost itself")
            return
        fresh.replace(library)  # whole: a process that has the old one open keeps it
        build_data["artifacts"].append(library.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def _system_compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _compile(source: Path, library: Path) -> None:
    compiler = (system,) if (system := _system_compiler()) else ZIG
    with tempfile.TemporaryDirectory() as cache:
        environ = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        subprocess.run([*compiler, *FLAGS, "-o", library, source, "-lm"], env=environ, check=True)  # noqa: S603
