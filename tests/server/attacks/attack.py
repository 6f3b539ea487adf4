"""What an attack is: what it sends to a running API, what it saw, and the bound that must hold meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STRANGER = "127.0.0.2"
"""The address attacks come from: a peer other than the other clients, who are at 127.0.0.1."""
GROWTH_MB = 64.0


@dataclass
class Target:
    """A running API with one worker. `stopped` is set when the attack has to end: the machine must survive it."""

    port: int
    worker: int
    log: Path
    example: bytes
    """A valid record as JSON."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def until(self, seconds: float) -> Iterator[None]:
        """Turns of a loop that ends after so many seconds, or when the attack has to."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopped.is_set():
            yield

    def times(self, count: int) -> Iterator[int]:
        """Turns of a loop that ends after so many turns, or when the attack has to."""
        for turn in range(count):
            if self.stopped.is_set():
                return
            yield turn


@dataclass
class Found:
    """What the attacker saw: responses by status (or how they failed), a figure in words, what broke its own bound."""

    statuses: Counter[str] = field(default_factory=Counter)
    figure: str = ""
    faults: list[str] = field(default_factory=list)

    def check(self, *, holds: bool, fault: str) -> None:
        """Note a fault unless the bound holds."""
        if not holds:
            self.faults.append(fault)


@dataclass(frozen=True)
class Attack:
    """`send(target, scale)` carries it out; `scale` 1 is all of it, less is a short form.

    Beside the attack's own bound the worker may not grow by more than `GROWTH_MB`, nor may a request of
    another client fail; `p99_ms` and `cpu_seconds` (of the worker) are bounds where they are given.
    """

    name: str
    sent: str
    send: Callable[[Target, float], Found]
    bound: str = ""
    p99_ms: float | None = None
    cpu_seconds: float | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    def bounds(self) -> str:
        """Every bound, in words."""
        words = [f"+ {GROWTH_MB:g} MB"]
        if self.p99_ms is not None:
            words.append(f"p99 ≤ {self.p99_ms:g} ms")
        if self.cpu_seconds is not None:
            words.append(f"CPU ≤ {self.cpu_seconds:g} s")
        return "; ".join([*words, *([self.bound] if self.bound else [])])
