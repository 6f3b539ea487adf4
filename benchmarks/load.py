"""Load on a running server and what it cost: at saturation by wrk, at a fixed rate by clients of our own.

At a fixed rate a request's time counts from when it was due, not from when a late client came to send it: a server that
stalls is charged for everybody it kept waiting (G. Tene, "How not to measure latency": coordinated omission).
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function() at = at % #bodies + 1; return wrk.format(nil, nil, nil, bodies[at]) end
done = function(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
                         latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors))
end
"""


@dataclass(frozen=True)
class Measure:
    """One round of one server: requests a second, milliseconds, CPU microseconds of its workers a request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    errors: int


@dataclass(frozen=True)
class Server:
    """A running server: a master process whose children answer, or one process that does."""

    name: str
    port: int
    master_pid: int

    def pids(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.master_pid}/task/{self.master_pid}/children").read_text().split()
        return [int(pid) for pid in children] or [self.master_pid]

    def cpu_seconds(self) -> float:
        """The CPU time they have used."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """The resident memory of the largest of them."""
        found = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in self.pids()]
        return max(int(each[1]) for each in found if each) / 1_000


def saturate(server: Server, path: str, connections: int, bodies: Sequence[str], seconds: int) -> Measure:
    """As many requests as it answers, by wrk, over so many kept connections; the bodies rotate."""
    with tempfile.TemporaryDirectory() as folder:
        script, file = Path(folder) / "load.lua", Path(folder) / "bodies"
        script.write_text(SCRIPT)
        file.write_text("\n".join(bodies) + "\n")
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
        before = server.cpu_seconds()
        command = ["wrk", *options, f"http://127.0.0.1:{server.port}{path}"]
        environ = {**os.environ, "BODIES": str(file)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout)
    if found is None:
        raise SystemExit(f"wrk said nothing that can be read:\n{done.stdout}{done.stderr}")
    rate, p50, p99 = (float(text) for text in found.groups()[:3])
    answered = max(rate * seconds, 1)
    return Measure(rate, p50, p99, (server.cpu_seconds() - before) / answered * 1e6, int(found[4]))


def at_rate(
    server: Server, path: str, per_second: float, bodies: Sequence[str], seconds: float, connections: int = 32
) -> Measure:
    """So many requests a second, evenly spaced, over kept connections; the bodies rotate."""
    before, started = server.cpu_seconds(), time.perf_counter()
    milliseconds, errors = asyncio.run(_at_rate(server.port, path, per_second, bodies, seconds, connections))
    rate = len(milliseconds) / (time.perf_counter() - started)
    cuts = statistics.quantiles(milliseconds, n=100)
    return Measure(rate, cuts[49], cuts[98], (server.cpu_seconds() - before) / len(milliseconds) * 1e6, errors)


async def _at_rate(
    port: int, path: str, per_second: float, bodies: Sequence[str], seconds: float, connections: int
) -> tuple[list[float], int]:
    clock = asyncio.get_running_loop().time
    requests = [_request(path, body) for body in bodies]
    due = iter(range(int(per_second * seconds)))
    begin = clock() + 0.1
    milliseconds: list[float] = []
    errors = 0

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in due:
            due_at = begin + at / per_second
            await asyncio.sleep(max(due_at - clock(), 0))
            writer.write(requests[at % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            milliseconds.append((clock() - due_at) * 1e3)
            errors += not head.startswith(b"HTTP/1.1 200")
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return milliseconds, errors


def _request(path: str, body: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def median(rounds: Sequence[Measure]) -> Measure:
    """The median of each figure; errors are summed."""
    names = ("requests_per_second", "p50_ms", "p99_ms", "cpu_us")
    middle = {name: statistics.median(getattr(one, name) for one in rounds) for name in names}
    return Measure(**middle, errors=sum(one.errors for one in rounds))
