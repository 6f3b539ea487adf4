"""Our API beside the usual ways to serve a model, and beside what Flask under the same gunicorn can do at most.

    python -m benchmarks.peers [--rounds 3] [--seconds 3] [--rates 50 200 800] [--only ours FastAPI] [--quick]

One model, the same few hundred requests in rotation, the same cores. In every round each contender is started anew,
asked at fixed rates (load/paced.py) and at saturation (load/wrk.py), and stopped, one after the other, so that a slow
minute of the machine hits all alike; figures are medians of the rounds. A peer that cannot be installed or started is
named, with the reason, and the rest goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.load.processes import tree, usage
from benchmarks.peers import contenders, environments, model, report
from benchmarks.peers.contenders import CONTENDERS, Around, Contender
from benchmarks.peers.turn import Failed, Load, take
from benchmarks.results import save
from embedded.layout import Layout, Ports
from embedded.services import backends
from embedded.services.service import Service, free_port

QUICK = {"rounds": 1, "seconds": 1.0, "warm_seconds": 1.0, "paced_seconds": 1.0, "rates": (50,), "answers_checked": 20}


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
    given = parse()
    chosen = [one for one in CONTENDERS if not given.only or any(one.name.startswith(name) for name in given.only)]
    load = Load(
        given.seconds,
        given.warm_seconds,
        given.paced_seconds,
        tuple(given.rates),
        given.connections,
        given.answers_checked,
    )
    faults = {peer: fault for peer in dict.fromkeys(one.peer for one in chosen) if peer and (fault := setup(peer))}
    failed = {one.name: faults[one.peer] for one in chosen if one.peer in faults}
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        model.make(folder / "model")
        with neighbours(folder) as around:
            rounds = run(chosen, folder, around, load, given.rounds, failed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tables = report.tables(rounds, failed, load)
    save("peers", *tables)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-seconds", type=float, default=1.5)
    parser.add_argument("--paced-seconds", type=float, default=6.0, help="at each fixed rate")
    parser.add_argument("--rates", type=int, nargs="*", default=(50, 200, 800))
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--answers-checked", type=int, default=model.PAYLOADS)
    parser.add_argument("--only", nargs="*", default=(), help="names, or their beginnings")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it runs")
    given = parser.parse_args()
    return argparse.Namespace(**{**vars(given), **(QUICK if given.quick else {})})


def setup(peer: str) -> str:
    """Install a peer; returns why it could not be, or nothing."""
    fault = environments.install(peer)
    if fault:
        print(f"{peer} cannot be installed: {fault}", file=sys.stderr)
    return fault


def run(
    chosen: list[Contender], folder: Path, near: Neighbours, load: Load, rounds: int, failed: dict[str, str]
) -> dict[str, list[Figures]]:
    """The figures of every round by contender; who fails is written into `failed` and not asked again."""
    found: dict[str, list[Figures]] = {}
    for number in range(rounds):
        for contender in chosen:
            if contender.name in failed:
                continue
            print(f"round {number + 1} of {rounds}: {contender.name}", file=sys.stderr, flush=True)
            # A short path: Ray keeps sockets in it.
            with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as scratch:
                around = surroundings(folder / "model", Path(scratch), near)
                try:
                    found.setdefault(contender.name, []).append(take(contender, around, load, near.store_cpu_seconds))
                except Failed as error:
                    failed[contender.name] = str(error)
                    print(f"  {error}", file=sys.stderr, flush=True)
        load = replace(load, answers_checked=min(load.answers_checked, 20))
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
    layout, monitor_port = Layout(folder, replace(Ports(), store=free_port())), free_port()
    command = contenders.gunicorn("benchmarks.load.limits:app")(None)  # type: ignore[arg-type]
    environ = {"API_PORT": str(monitor_port), "API_WORKERS": "1", "STATE_DIR": str(folder / "monitor")}
    monitor = Service("monitor", tuple(command), port=monitor_port, environ=environ)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(backends.store(layout).running(folder / "store.log"))
        stack.enter_context(monitor.running(folder / "monitor.log"))
        yield Neighbours(layout.ports.store, store.pid, monitor_port)


if __name__ == "__main__":
    main()
