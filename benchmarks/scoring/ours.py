"""One run of `make score`'s own code: `python -m benchmarks.scoring.ours <folder with the bundle> <file> <output>`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.model import RUN_ID
from benchmarks.harness.processes import peak_mb
from server.files.scoring import FileScorer
from server.scoring.model import ready_model
from tabular.model.bundle import read_bundle


def main() -> None:
    """Score the file and print seconds, CPU seconds and the peak of memory."""
    folder, file, out = map(Path, sys.argv[1:])
    scorer = FileScorer(ready_model(RUN_ID, read_bundle(folder / "bundles" / RUN_ID)))
    report(lambda: scorer.score(file, out))


def report(work: Callable[[], object]) -> None:
    """Do the work and print what it took."""
    began, cpu_began = time.perf_counter(), time.process_time()
    work()
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu_began,
        "MB": peak_mb(os.getpid()),  # getrusage would count what the parent had when it started this process
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
