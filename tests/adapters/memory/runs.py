"""Runs in memory: what a sweep writes of each, the last of what has one name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class MemoryRuns:
    """The part of `ports.registry.ModelRegistry` that writes runs."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.tags: dict[str, dict[str, Any]] = {}

    def start_run(self, name: str, tags: Mapping[str, Any], parent_id: str | None = None) -> str:
        """A new run; its name and parent are tags here."""
        run_id = uuid.uuid4().hex
        self.files[run_id], self.tags[run_id] = {}, {**tags, "name": name, "parent": parent_id}
        return run_id

    def log(
        self,
        run_id: str,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the tags."""
        self.tags[run_id] |= {**(params or {}), **(metrics or {}), **(tags or {})}

    def put_folder(self, run_id: str, folder: Path, path: str) -> None:
        """Keep the files of a folder."""
        self.files[run_id] |= {f"{path}/{file.name}": file.read_bytes() for file in folder.iterdir()}

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Say how the run ended."""
        self.tags[run_id]["ended"] = "failed" if failed else "finished"
