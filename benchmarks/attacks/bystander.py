"""Somebody else's requests meanwhile: single rows and health at a fixed rate, on kept connections and on new ones.

    python -m benchmarks.attacks.bystander PORT RECORD

Sends until its standard input ends, then prints JSON: how many requests, how many failed (not answered 200
within five seconds), the 99th percentile of the latencies in ms, and that of
how late it was itself.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from benchmarks.attacks.wire import head, post
from benchmarks.load.paced import Pool
from embedded.layout import PROJECT

RATE_PER_SECOND = 50.0
ANSWERED_SECONDS = 5.0
"""Later than this is not answered."""
CONNECTIONS = 32
DRAIN_SECONDS = 10.0
SHORTEST_SECONDS = 1.0
READY = "ready"


@dataclass(frozen=True)
class Seen:
    """What the bystander saw."""

    requests: int
    failures: int
    p99_ms: float
    lag_p99_ms: float = 0.0
    """How late the bystander itself was: what the machine, not the server, kept it waiting."""


class Bystander:
    """The bystander as a process of its own, for the length of a `with` block; `seen` is there after it."""

    seen: Seen

    def __init__(self, port: int, example: bytes, key: str = "") -> None:
        self._arguments = [str(port), example.decode(), *([key] if key else [])]

    def __enter__(self) -> Bystander:
        command = [sys.executable, "-m", "benchmarks.attacks.bystander", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != READY:
            self._process.kill()
            raise RuntimeError("the bystander did not start")
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            time.sleep(max(0.0, SHORTEST_SECONDS - (time.monotonic() - self._began)))
        told, _ = self._process.communicate(timeout=2 * DRAIN_SECONDS)
        if kind is None:
            self.seen = Seen(**json.loads(told))


def requests_of(example: bytes, key: str) -> list[bytes]:
    """A row and a health check on kept connections, and each on one that ends with the answer."""
    own = [f"X-API-Key: {key}"] if key else []
    return [
        post(example, *own),
        head("GET", "/health/live"),
        post(example, "Connection: close", *own),
        head("GET", "/health/live", "Connection: close"),
    ]


class Patience(Pool):
    """A pool that takes what comes too late for a failure."""

    def answered(self, due: float, *, ok: bool) -> None:
        super().answered(due, ok=ok and time.perf_counter() - due <= ANSWERED_SECONDS)


async def watch(port: int, requests: list[bytes]) -> Seen:
    """Send each when it is due, until the standard input ends."""
    pool = Patience(port, CONNECTIONS)
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    began, number, lags = time.perf_counter(), 0, [0.0]
    while not ended.done():
        due = began + number / RATE_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        lags.append(time.perf_counter() - due)
        # Not from when it was due: how late this process is says nothing of the server, for which it never waits.
        pool.send(time.perf_counter(), requests[number % len(requests)])
        number += 1
    deadline = time.perf_counter() + DRAIN_SECONDS
    while pool.is_busy and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    pool.give_up()
    p99, lag = (float(np.percentile(seconds or [np.nan], 99)) * 1e3 for seconds in (pool.tally.latencies, lags))
    return Seen(number, pool.tally.errors, p99, lag)


def main() -> None:
    """Say that it is ready, watch, tell."""
    port, example, *key = sys.argv[1:]
    print(READY, flush=True)
    seen = asyncio.run(watch(int(port), requests_of(example.encode(), "".join(key))))
    print(json.dumps(seen.__dict__), flush=True)


if __name__ == "__main__":
    main()
