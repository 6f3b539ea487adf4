"""The services' wall clock, which can be set off: `clock.c`, compiled where there is a compiler."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The clock of every process started with `environ`; `exists` is False where it cannot be compiled."""

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "clock", folder / "clock.so"
        self._file.write_bytes(struct.pack("q", 0))
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE), "-ldl"]
        self.exists = shutil.which("cc") is not None and not subprocess.run(command, check=False).returncode

    @property
    def environ(self) -> dict[str, str]:
        """What puts a process under this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_FILE": str(self._file)} if self.exists else {}

    def set_off(self, seconds: int) -> None:
        """From now on the clock is wrong by so much."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
