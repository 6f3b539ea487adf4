"""Requests at a fixed rate, each sent when it is due whether or not the one before has a response.

A latency counts from the moment the request was due, so that a server that falls behind cannot hide its queue
(coordinated omission: Gil Tene, "How NOT to Measure Latency"). The generator is a process of its own, `Paced`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import re
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.figures import Figures
from embedded.layout import PROJECT

DRAIN_SECONDS = 5.0
CONNECTIONS = 64
SHORTEST_SECONDS = 1.0
EXIT_SECONDS = 60.0
READY = "ready"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass
class Tally:
    """What came of the requests, in seconds."""

    latencies: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    errors: int = 0

    def figures(self) -> Figures:
        """Requests, errors and the percentiles in milliseconds; `lag` is how late the generator itself was."""
        p50, p99 = np.percentile(np.array(self.latencies or [np.nan]) * 1e3, [50, 99])
        return {
            "requests": len(self.latencies),
            "errors": self.errors,
            "p50_ms": float(p50),
            "p99_ms": float(p99),
            "lag_p99_ms": float(np.percentile(np.array(self.lags or [0.0]) * 1e3, 99)),
            "generator_cpu": time.process_time(),
        }


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request in flight."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None
        self._body = b""
        self._response = b""
        self._used = False

    def send(self, due: float, body: bytes) -> None:
        self._due, self._body, self._response = due, body, b""
        if self._transport is not None:
            self._transport.write(body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if self._due is not None:
            self.send(self._due, self._body)

    def data_received(self, data: bytes) -> None:
        self._response += data
        if self._due is None or not _is_complete(self._response):
            return
        head = self._response.partition(b"\r\n\r\n")[0]
        self._pool.finished(self._due, ok=head[9:12] == b"200")
        self._due, self._used = None, True
        if CLOSES.search(head) and self._transport is not None:
            self._transport.close()
        else:
            self._pool.give_back(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._pool.lost(self)
        if self._due is None:
            return
        if self._used and not self._response:  # it was closed for being idle, before the request reached it
            self._pool.retry(self._due, self._body)
        else:
            self._pool.finished(self._due, ok=False)


class Pool:
    """Up to `size` connections; what is due beyond them waits its turn, and its clock runs."""

    def __init__(self, port: int, size: int, timeout_seconds: float = math.inf) -> None:
        self._port, self._size, self._timeout_seconds = port, size, timeout_seconds
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._tasks: set[asyncio.Task[object]] = set()
        self._in_flight: Counter[float] = Counter()
        self.tally = Tally()

    def send(self, due: float, body: bytes) -> None:
        self._in_flight[due] += 1
        self.tally.lags.append(time.perf_counter() - due)
        self.retry(due, body)

    def retry(self, due: float, body: bytes) -> None:
        if self._idle:
            self._idle.pop().send(due, body)
        elif len(self._open) < self._size:
            connection = Connection(self)
            self._open.add(connection)
            connection.send(due, body)
            connect = asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", self._port)
            task = asyncio.ensure_future(connect)
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._connected(done, connection))
        else:
            self._waiting.append((due, body))

    def _connected(self, task: asyncio.Task[object], connection: Connection) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            connection.connection_lost(None)

    def finished(self, due: float, *, ok: bool) -> None:
        seconds = time.perf_counter() - due
        self._in_flight[due] -= 1
        self.tally.errors += not ok or seconds > self._timeout_seconds
        self.tally.latencies.append(seconds)

    async def drain(self, seconds: float) -> None:
        """Wait for the last responses; what has none by then is an error that has taken until now."""
        deadline = time.perf_counter() + seconds
        while self._in_flight.total() > 0 and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        for due in list(self._in_flight.elements()):
            self.finished(due, ok=False)

    def give_back(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting:
            self.retry(*self._waiting.popleft())


def _is_complete(response: bytes) -> bool:
    head, end, body = response.partition(b"\r\n\r\n")
    if not end:
        return False
    length = LENGTH.search(head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


async def run(
    port: int,
    requests: Sequence[bytes],
    rate: float,
    seconds: float | None,
    connections: int = CONNECTIONS,
    drain_seconds: float = DRAIN_SECONDS,
    timeout_seconds: float = math.inf,
) -> Tally:
    """Send at that rate for so many seconds, or until the standard input ends (for one second at least)."""
    pool = Pool(port, connections, timeout_seconds)
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read)) if seconds is None else None
    began = time.perf_counter() + 0.05
    for number in itertools.count():
        if number >= int(rate * (seconds or SHORTEST_SECONDS)) and (ended is None or ended.done()):
            break
        due = began + number / rate
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        pool.send(due, requests[number % len(requests)])
        if number % 16 == 0:
            await asyncio.sleep(0)
    await pool.drain(drain_seconds)
    return pool.tally


class Paced:
    """The generator as a process: with `seconds` None it sends until `figures` is called. Takes what `run` does."""

    def __init__(self, port: int, requests: Sequence[bytes], rate: float, seconds: float | None, **more: Any) -> None:
        job = {"port": port, "requests": [one.decode("latin-1") for one in requests], "rate": rate, "seconds": seconds}
        command = [sys.executable, "-m", "benchmarks.harness.paced"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        self._seconds = seconds or 0.0
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job | more) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != READY:
            self._process.kill()
            raise RuntimeError("the request generator did not start")

    def figures(self) -> Figures:
        """What came of the requests, once they are over."""
        printed, _ = self._process.communicate(timeout=EXIT_SECONDS + self._seconds)
        return json.loads(printed)  # type: ignore[no-any-return]


def at_rate(port: int, path: str, bodies: Path, rate: float, seconds: float, connections: int = CONNECTIONS) -> Figures:
    """The figures of POSTs of these bodies, line by line in rotation."""
    figures = Paced(port, requests_of(port, path, bodies), rate, seconds, connections=connections).figures()
    return figures | {"requests_per_second": (figures["requests"] - figures["errors"]) / seconds}


def requests_of(port: int, path: str, bodies: Path) -> list[bytes]:
    """The bytes of every request."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: "
    return [f"{head}{len(body.encode())}\r\n\r\n{body}".encode() for body in bodies.read_text().splitlines()]


def main() -> None:
    """Read the job from the standard input, carry it out, print its figures as JSON."""
    job = json.loads(sys.stdin.readline())
    job["requests"] = [one.encode("latin-1") for one in job["requests"]]
    print(READY, flush=True)
    print(json.dumps(asyncio.run(run(**job)).figures()), flush=True)


if __name__ == "__main__":
    main()
