"""As many requests as the server serves: wrk with a fixed number of connections, the bodies in rotation."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.figures import Figures
from benchmarks.harness.processes import largest_mb, tree, usage

SCRIPT = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local requests = {}
init = function()
  for place, body in ipairs(bodies) do requests[place] = wrk.format(nil, nil, nil, body) end
end
request = function() at = at % #requests + 1; return requests[at] end
done = function(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %f %d %d\\n", summary.requests / summary.duration * 1e6,
                         latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors, summary.requests))
end
"""
RESULT = re.compile(r"RESULT (\S+) (\S+) (\S+) (\d+) (\d+)")


def saturate(port: int, path: str, bodies: Path, seconds: float, connections: int) -> Figures:
    """Requests a second, p50 and p99 in ms, errors, and the share of a core that wrk itself used."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk was not found. On Debian: sudo apt-get install wrk")
    script = bodies.parent / "load.lua"
    script.write_text(SCRIPT)
    command = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(script)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"],
        env={**os.environ, "BODIES": str(bodies)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = RESULT.search(done.stdout)
    if found is None:
        raise SystemExit(f"wrk said nothing that can be read:\n{done.stdout}{done.stderr}")
    rate, p50, p99, errors, requests = map(float, found.groups())
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "requests_per_second": rate - errors * rate / max(requests, 1),
        "p50_ms": p50,
        "p99_ms": p99,
        "errors": errors,
        "requests": requests,
        "generator_cpu": used / max(1, round(seconds)),
    }


def loaded(pid: int, port: int, path: str, bodies: Path, seconds: float, connections: int) -> Figures:
    """The same, with what the server's process tree took: CPU us a request, resident MB, the largest worker's MB."""
    pids = tree(pid)
    before = usage(pids).cpu_seconds
    found = saturate(port, path, bodies, seconds, connections)
    after = usage(pids)
    took = {"cpu_seconds": after.cpu_seconds - before, "resident_mb": after.resident_bytes / 1e6}
    took["cpu_us"] = 1e6 * took["cpu_seconds"] / max(found["requests"], 1)
    return found | took | {"worker_mb": largest_mb(pid)}


def written(file: Path, bodies: Sequence[object]) -> Path:
    """A file of bodies as JSON, one a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return file
