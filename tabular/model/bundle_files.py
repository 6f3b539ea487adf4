"""The files of a bundle, by name, and the maximum size of each. Other files in the folder are neither fetched nor read.

The limits are far above any real model: 500 trees of 8,191 nodes each make 140 MB. They prevent a registry or folder
that somebody else has written to from filling a server's disk or memory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tabular.errors import BrokenBundle

MANIFEST = "manifest.json"
MODEL_FILES = {"xgboost": "model.ubj", "forest": "model.ubj", "linear": "model.json", "lightgbm": "model.txt"}
"""The file of a bundle that holds its model, by the model's family: each bundle has one of them."""


@dataclass(frozen=True)
class FileLimits:
    """Which files may be fetched from a run or read from a folder, the most bytes of each, and of all of them."""

    file_bytes: Mapping[str, int]
    total_bytes: int

    def check(self, sizes: Mapping[str, int], where: str) -> None:
        """Check sizes in bytes, by file name; raises BrokenBundle naming the first that is too large."""
        for name, size in sizes.items():
            if size > self.file_bytes[name]:
                raise BrokenBundle(
                    f"{where}: {name} has {size:,} bytes; at most {self.file_bytes[name]:,} are read. "
                    "Do not serve it: find out who wrote it, or train again"
                )
        if (total := sum(sizes.values())) > self.total_bytes:
            raise BrokenBundle(f"{where}: its files have {total:,} bytes; at most {self.total_bytes:,} are read")


BUNDLE_LIMITS = FileLimits(
    {
        MANIFEST: 100_000,
        "contract.json": 10_000_000,
        "model.ubj": 500_000_000,
        "model.json": 50_000_000,
        "model.txt": 500_000_000,
        "profile.json": 10_000_000,
        "calibration.json": 20_000_000,
        "golden.json": 50_000_000,
        "metrics.json": 1_000_000,
        "reference.parquet": 100_000_000,
    },
    total_bytes=600_000_000,
)


def read_files(folder: Path) -> dict[str, bytes]:
    """The content of every file of a bundle; raises BrokenBundle before any is read that is no plain file or too large.

    Raises BrokenBundle if there is not one model, OSError for a file that is missing or cannot be opened; a link is not
    followed.
    """
    opened: dict[str, int] = {}
    try:
        for name in _names(folder):
            # Without blocking, because opening a pipe in the place of a file would wait for ever.
            opened[name] = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        found = {name: os.fstat(descriptor) for name, descriptor in opened.items()}
        for name, status in found.items():
            if not stat.S_ISREG(status.st_mode):
                raise BrokenBundle(f"{folder / name} is not a plain file. Fetch the bundle again")
        BUNDLE_LIMITS.check({name: status.st_size for name, status in found.items()}, f"the bundle in {folder}")
        return {name: _read(opened[name], status.st_size) for name, status in found.items()}
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def _names(folder: Path) -> list[str]:
    """The names of the files to read: one of those that can hold a model, and all others."""
    models = dict.fromkeys(MODEL_FILES.values())
    present = [name for name in models if os.path.lexists(folder / name)]
    if len(present) != 1:
        found = " and ".join(present) or "none"
        raise BrokenBundle(
            f"the bundle in {folder} needs one of the files {', '.join(models)}, and has {found}. Fetch it again"
        )
    return [name for name in BUNDLE_LIMITS.file_bytes if name not in models or name in present]


def _read(descriptor: int, size_bytes: int) -> bytes:
    # No more than was checked, even if the file has grown; its sha256 then differs.
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(size_bytes)
