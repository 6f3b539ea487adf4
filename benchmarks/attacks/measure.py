"""One attack carried out and measured: the worker's memory and CPU, a bystander's requests, the attack's own bound."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass

from benchmarks.attacks.attack import GROWTH_MB, Attack, Found, Target
from benchmarks.attacks.bystander import Bystander, Seen
from benchmarks.attacks.labels import Kept
from benchmarks.attacks.memory import MemoryWatch, resident_mb, settled_mb
from benchmarks.attacks.wire import BATCH, post
from benchmarks.load.processes import usage

WARM_ROWS, WARM_BATCHES, BATCH_ROWS = 400, 4, 10_000
WARM_AT_ONCE = 2
KEY = "API_KEY"


@dataclass(frozen=True)
class Measured:
    """What one attack took."""

    grown_mb: float
    kept_mb: float
    was_stopped: bool
    cpu_seconds: float
    seen: Seen
    found: Found
    faults: tuple[str, ...]
    """Every bound that did not hold, in words; empty if all did."""


def warm(target: Target, key: str = "") -> None:
    """What good clients ask of the API in a day's work, so that what it then holds is the base of comparison."""
    own = [f"X-API-Key: {key}"] if key else []
    row, batch = post(target.example, *own), post(_batch(target.example), *own, path=BATCH)
    with contextlib.closing(Kept(target.port)) as kept:
        for _ in range(WARM_ROWS // 20):
            _all_served(kept.ask([row] * 20))

    def batches() -> None:
        with contextlib.closing(Kept(target.port)) as kept:
            for _ in range(WARM_BATCHES):
                _all_served(kept.ask([batch]))

    threads = [threading.Thread(target=batches) for _ in range(WARM_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(attack: Attack, target: Target, scale: float = 1.0, base_mb: float | None = None) -> Measured:
    """Carry it out on a warmed-up API. `base_mb`: what its worker held then, if that is not now."""
    base_mb = resident_mb(target.worker) if base_mb is None else base_mb
    bystander = Bystander(target.port, target.example, attack.environ.get(KEY, ""))
    with MemoryWatch(target, base_mb) as memory, bystander:
        before = usage({target.worker}).cpu_seconds
        found = attack.send(target, scale)
        cpu_seconds = usage({target.worker}).cpu_seconds - before
    kept_mb = settled_mb(target.worker) - base_mb
    is_dead = kept_mb + base_mb == 0
    faults = itertools.chain(
        [f"the worker grew by {memory.grown_mb:,.0f} MB"] if memory.grown_mb > GROWTH_MB else [],
        ["the worker ended"] if is_dead else [],
        _faults(attack, bystander.seen, cpu_seconds),
        found.faults,
    )
    return Measured(
        grown_mb=memory.grown_mb,
        kept_mb=0.0 if is_dead else kept_mb,
        was_stopped=memory.was_stopped,
        cpu_seconds=cpu_seconds,
        seen=bystander.seen,
        found=found,
        faults=tuple(faults),
    )


def _faults(attack: Attack, seen: Seen, cpu_seconds: float) -> list[str]:
    faults = []
    if seen.failures:
        faults.append(f"{seen.failures} of {seen.requests} requests of the bystander failed")
    if attack.p99_ms is not None and seen.p99_ms - seen.lag_p99_ms > attack.p99_ms:
        faults.append(f"the bystander's p99 was {seen.p99_ms:,.0f} ms")
    if attack.cpu_seconds is not None and cpu_seconds > attack.cpu_seconds:
        faults.append(f"it took {cpu_seconds:.1f} s of CPU")
    return faults


def _batch(example: bytes) -> bytes:
    return b"[" + b",".join([example] * BATCH_ROWS) + b"]"


def _all_served(statuses: list[str]) -> None:
    if set(statuses) != {"200"}:
        raise RuntimeError(f"the API did not serve what it must: {statuses}")
