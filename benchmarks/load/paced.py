"""Requests at a fixed rate, each sent when it is due whether or not the one before is answered.

    python -m benchmarks.load.paced PORT PATH BODIES RATE SECONDS CONNECTIONS

A latency counts from the moment the request was due, so that a server that falls behind cannot hide its queue. Prints
JSON: the latencies' percentiles, what was not answered with 200, and how late the generator itself was (`lag`).
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

DRAIN_SECONDS = 5.0
CONNECTIONS = 64
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass
class Tally:
    """What came of the requests, in seconds."""

    latencies: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    errors: int = 0


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None
        self._body = b""
        self._answer = b""
        self._used = False

    def send(self, due: float, body: bytes) -> None:
        self._due, self._body, self._answer = due, body, b""
        if self._transport is not None:
            self._transport.write(body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if self._due is not None:
            self.send(self._due, self._body)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._due is None or not _is_whole(self._answer):
            return
        head = self._answer.partition(b"\r\n\r\n")[0]
        self._pool.answered(self._due, ok=head[9:12] == b"200")
        self._due, self._used = None, True
        if CLOSES.search(head) and self._transport is not None:
            self._transport.close()
        else:
            self._pool.give_back(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._pool.lost(self)
        if self._due is None:
            return
        if self._used and not self._answer:  # it was closed for being idle, before the request reached it
            self._pool.again(self._due, self._body)
        else:
            self._pool.answered(self._due, ok=False)


class Pool:
    """Up to `size` connections; what is due beyond them waits its turn, and its clock runs."""

    def __init__(self, port: int, size: int) -> None:
        self._port, self._size = port, size
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._tasks: set[asyncio.Task[object]] = set()
        self._under_way: Counter[float] = Counter()
        self.tally = Tally()

    @property
    def is_busy(self) -> bool:
        """True while an answer is outstanding."""
        return self._under_way.total() > 0

    def send(self, due: float, body: bytes) -> None:
        self._under_way[due] += 1
        self.tally.lags.append(time.perf_counter() - due)
        self.again(due, body)

    def again(self, due: float, body: bytes) -> None:
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

    def answered(self, due: float, *, ok: bool) -> None:
        self._under_way[due] -= 1
        self.tally.errors += not ok
        self.tally.latencies.append(time.perf_counter() - due)

    def give_up(self) -> None:
        """Count what is not answered yet as errors that have taken until now."""
        for due in self._under_way.elements():
            self.tally.errors += 1
            self.tally.latencies.append(time.perf_counter() - due)

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
            self.again(*self._waiting.popleft())


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = LENGTH.search(head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


async def run(
    port: int,
    requests: list[bytes],
    rate: float,
    seconds: float,
    connections: int,
    drain_seconds: float = DRAIN_SECONDS,
) -> Tally:
    """Send rate x seconds requests, wait a little for the last, count what never came as errors."""
    pool = Pool(port, connections)
    began = time.perf_counter() + 0.05
    for at in range(int(rate * seconds)):
        due = began + at / rate
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        pool.send(due, requests[at % len(requests)])
        if at % 16 == 0:
            await asyncio.sleep(0)
    deadline = time.perf_counter() + drain_seconds
    while pool.is_busy and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    pool.give_up()
    return pool.tally


def at_rate(
    port: int, path: str, bodies: Path, rate: float, seconds: float, connections: int = CONNECTIONS
) -> dict[str, float]:
    """The same in a process of its own, and what it printed."""
    command = [sys.executable, "-m", "benchmarks.load.paced", str(port), path, str(bodies)]
    limits = [str(rate), str(seconds), str(connections)]
    done = subprocess.run([*command, *limits], capture_output=True, text=True, check=True, timeout=60 + seconds)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def requests_of(port: int, path: str, bodies: Path) -> list[bytes]:
    """The bytes of every request."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: "
    return [f"{head}{len(body.encode())}\r\n\r\n{body}".encode() for body in bodies.read_text().splitlines()]


def main() -> None:
    port, path, bodies, rate, seconds, connections = sys.argv[1:]
    requests = requests_of(int(port), path, Path(bodies))
    tally = asyncio.run(run(int(port), requests, float(rate), float(seconds), int(connections)))
    p50, p99 = np.percentile(np.array(tally.latencies or [np.nan]) * 1e3, [50, 99])
    print(
        json.dumps(
            {
                "requests_per_second": (len(tally.latencies) - tally.errors) / float(seconds),
                "p50_ms": float(p50),
                "p99_ms": float(p99),
                "errors": tally.errors,
                "lag_p99_ms": float(np.percentile(np.array(tally.lags) * 1e3, 99)),
                "requests": len(tally.latencies),
                "generator_cpu": time.process_time(),
            }
        )
    )


if __name__ == "__main__":
    main()
