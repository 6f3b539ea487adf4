"""Our API beside the usual ways to serve a model, and beside the least that any application under our gunicorn costs.

    python -m benchmarks.peers [--rounds 3] [--seconds 3] [--rates 50 200 800] [--only ours FastAPI] [--quick]

One model, the same few hundred requests in rotation, the same cores. In every round each contender is started anew,
asked at fixed rates (harness/paced.py) and at saturation (harness/wrk.py), and stopped, one after the other, so that a
slow minute of the machine hits all alike; figures are medians of the rounds. A peer that cannot be installed or started
is named, with the reason, and the rest goes on. `--only` takes names, or their beginnings.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness import stack
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Figures
from benchmarks.harness.processes import tree, usage
from benchmarks.harness.results import save
from benchmarks.peers import environments, model, report
from benchmarks.peers.catalog import CONTENDERS, LIMITS, Around, Contender
from benchmarks.peers.turn import Failed, Load, take
from embedded.services import backends
from embedded.services.service import free_port

QUICK = {"rounds": 1, "seconds": 1.0, "warm_seconds": 1.0, "paced_seconds": 1.0, "rates": (50,), "checked": 20}


@dataclass(frozen=True)
class Neighbours:
    """The store that ours and the naive design write to, and the service that the naive design tells."""

    store_port: int
    store_pid: int
    monitor_port: int

    def store_cpu_seconds(self) -> float:
        """What the store has used so far."""
        return usage(tree(self.store_pid)).cpu_seconds


def main() -> None:
    """Run the rounds, print the tables, leave the result."""
    given = arguments(
        rounds=3,
        seconds=3.0,
        warm_seconds=1.5,
        paced_seconds=6.0,
        rates=(50, 200, 800),
        connections=32,
        checked=model.PAYLOADS,
        only=("",),
        quick=False,
    )
    asked = vars(given) | (QUICK if given.quick else {})
    chosen = [one for one in CONTENDERS if one.name.startswith(tuple(given.only))]
    load = Load(**{name: asked[name] for name in Load.__dataclass_fields__})
    faults = {peer: environments.install(peer) for peer in dict.fromkeys(one.peer for one in chosen) if peer}
    failed = {one.name: faults[one.peer] for one in chosen if faults.get(one.peer)}
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        model.make(folder / "model")
        with neighbours(folder) as around:
            rounds = run(chosen, folder, around, load, asked["rounds"], failed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    save("peers", *report.tables(rounds, failed, load))


def run(
    chosen: list[Contender], folder: Path, near: Neighbours, load: Load, rounds: int, failed: dict[str, str]
) -> dict[str, list[Figures]]:
    """The figures of every round by contender; who fails is written into `failed` and not asked again."""
    found: dict[str, list[Figures]] = {}
    for number in range(rounds):
        for contender in (one for one in chosen if one.name not in failed):
            print(f"round {number + 1} of {rounds}: {contender.name}", file=sys.stderr, flush=True)
            # A short path: Ray keeps sockets in it.
            with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as scratch:
                around = surroundings(folder / "model", Path(scratch), near)
                try:
                    found.setdefault(contender.name, []).append(take(contender, around, load, near.store_cpu_seconds))
                except Failed as error:
                    failed[contender.name] = str(error)
                    print(f"  {error}", file=sys.stderr, flush=True)
        load = replace(load, checked=min(load.checked, 20))
    return {name: figures for name, figures in found.items() if name not in failed}


def surroundings(made: Path, scratch: Path, near: Neighbours) -> Around:
    """A scratch folder with the bundle in it, and ports nobody has."""
    shutil.copytree(made / "bundles", scratch / "bundles")
    return Around(
        model=made,
        scratch=scratch,
        port=free_port(),
        spare_ports=(free_port(), free_port()),
        store_uri=f"mongodb://127.0.0.1:{near.store_port}",
        monitor_url=f"http://127.0.0.1:{near.monitor_port}/constant",
    )


@contextlib.contextmanager
def neighbours(folder: Path) -> Iterator[Neighbours]:
    """The store and the monitoring service, for all rounds."""
    layout, monitor = stack.free_layout(folder), stack.api(folder / "monitor", LIMITS, API_WORKERS="1")
    with contextlib.ExitStack() as started:
        store = started.enter_context(backends.store(layout).running(folder / "store.log"))
        started.enter_context(monitor.running(folder / "monitor.log"))
        yield Neighbours(layout.ports.store, store.pid, monitor.port or 0)


if __name__ == "__main__":
    main()
