"""Runs the benchmarks, all or those named, and keeps what each found for the results page.

    python benchmarks/run.py [--quick] [--results docs/reference/benchmarks] [peers | drift serving stream sweep ...]

A benchmark is a script of this folder with a `main` of its own. One that leaves no tables (benchmarks/results.py) is
kept as it printed. One that fails is named at the end, and the page keeps its last result.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.results import describe

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent
APART = {"run", "page"}
QUICK = {
    "peers": ["--quick"],
    "serving": ["--rounds", "1", "--seconds", "1"],
    "stream": ["--records", "500", "--seconds", "2", "--rounds", "1"],
    "sweep": ["--trials", "2"],
    "drift": ["--repeats", "4", "--peer-repeats", "1"],
}


def names() -> list[str]:
    """Every benchmark but the peers, which need environments of their own."""
    scripts = [path for path in FOLDER.glob("*.py") if path.stem not in APART]
    return sorted(path.stem for path in scripts if "\ndef main(" in path.read_text())


def run(name: str, options: list[str], results: Path) -> bool:
    """Run one with its output on the screen, and see that something is kept; returns whether it went well."""
    script = ["-m", f"benchmarks.{name}"] if (FOLDER / name).is_dir() else [f"benchmarks/{name}.py"]
    command = ["python", *script, *options]
    print(f"== {' '.join(command)}", flush=True)
    began = time.time()
    environ = {**os.environ, "BENCH_RESULTS": str(results), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([sys.executable, *command[1:]], cwd=PROJECT, env=environ, stdout=subprocess.PIPE)
    printed = []
    for line in process.stdout or ():
        sys.stdout.write(line.decode())
        sys.stdout.flush()
        printed.append(line.decode().rstrip())
    if process.wait() != 0:
        return False
    kept = results / f"{name}.json"
    if not kept.exists() or kept.stat().st_mtime < began:
        results.mkdir(parents=True, exist_ok=True)
        about = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
        result = {**describe(name, about, " ".join(command)), "printed": printed, "tables": []}
        kept.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return True


def main() -> None:
    """Run them one after the other, then make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="see that they run; the page is left alone")
    parser.add_argument("--results", type=Path, default=PROJECT / "docs" / "reference" / "benchmarks")
    given = parser.parse_args()
    results = (PROJECT / ".bench" / "quick" / "benchmarks" if given.quick else given.results).resolve()
    failed = [
        name for name in given.names or names() if not run(name, QUICK.get(name, []) if given.quick else [], results)
    ]
    if list(results.glob("*.json")):
        subprocess.run([sys.executable, str(FOLDER / "page.py"), "--results", str(results)], check=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
