"""The API under attack: its memory, how long other clients wait meanwhile, and whether the bounds hold.

    python -m tests.server.attacks [--only NAME ...] [--scale 1]

Each attack is sent to an API with one worker of its own, started for it; nothing else of the stack is up. `--scale`
below 1 sends less and for a shorter time. All traffic stays on this machine. Ends with 1 if a bound was exceeded.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import model, stack
from benchmarks.harness.arguments import arguments
from benchmarks.harness.processes import children
from benchmarks.harness.results import save
from tests.server.attacks.attack import Attack, Target
from tests.server.attacks.catalog import catalog
from tests.server.attacks.measure import KEY, Measured, measure, warm
from tests.server.attacks.report import cell, tables


def main() -> None:
    """Carry out every attack, print the tables, leave the result."""
    attacks = catalog()
    given = arguments({"only": tuple(attacks)}, only=tuple(attacks), scale=1.0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # so that it ends what it started
    chosen = {name: attacks[name] for name in given.only}
    measured = {}
    with tempfile.TemporaryDirectory(prefix="attacks-", ignore_cleanup_errors=True) as folder:
        made = model.make(Path(folder))
        example = json.dumps(made.bundle.contract.example).encode()
        for name, attack in chosen.items():
            measured[name] = carried_out(attack, Path(folder), example, given.scale)
            print(f"{name}: {cell(measured[name])} {measured[name].faults}", file=sys.stderr, flush=True)
    save("attacks", *tables(chosen, measured))
    if any(one.faults for one in measured.values()):
        sys.exit("A bound was exceeded.")


def carried_out(attack: Attack, state: Path, example: bytes, scale: float) -> Measured:
    """One attack on an API that is started for it."""
    service = stack.api(state, RUN_ID=model.RUN_ID, API_WORKERS="1", **attack.environ)
    log = state / f"api-{service.port}.log"
    with service.running(log) as process:
        (worker,) = children(process.pid)
        target = Target(service.port or 0, worker, log, example)
        warm(target, attack.environ.get(KEY, ""))
        return measure(attack, target, scale)


if __name__ == "__main__":
    main()
