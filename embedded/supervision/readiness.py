"""When a process of the stack is ready: the supervisor reports RUNNING, and it is this process that responds.

A response alone is not enough: on a port in use it comes from another program, while ours is restarted in a loop.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from embedded.services.service import POLL_SECONDS, Service, tail
from embedded.supervision import sockets
from embedded.supervision.supervisor import Supervisor
from tabular.errors import Unavailable

_MAX_STARTS = 2
_REASON_LINES = 200
_ERROR = re.compile(r"^.*?\b(?:CRITICAL|ERROR)\b[ :]+(?!gunicorn\.)[\w.]+: (.+)$", re.MULTILINE)


def wait_ready(target: Service, supervisor: Supervisor, log_file: Path) -> None:
    """Wait until a started process is ready; raises Unavailable with the end of its log, and stops it, if it ends."""
    deadline = time.monotonic() + target.start_seconds
    pids: set[int] = set()
    while True:
        process = supervisor.process(target.name)
        pids |= {process["pid"]} - {0}
        if _is_ready(target, process):
            return
        why = _failure(process, len(pids))
        if not why and time.monotonic() > deadline:
            why = f"it is running, but not ready after {target.start_seconds:g} s"
        if why:
            supervisor.stop([target.name])
            raise Unavailable(target.name, f"{why}{_reason(log_file)}\nThe end of {log_file}:\n{tail(log_file)}")
        time.sleep(POLL_SECONDS)


def _is_ready(target: Service, process: dict[str, Any]) -> bool:
    if process["statename"] != "RUNNING":
        return False
    if target.has_reported is not None:
        return target.has_reported(process["start"])
    is_ours = target.port is None or sockets.is_listening(target.port, group=process["pid"])
    return is_ours and target.is_ready


def _failure(process: dict[str, Any], starts: int) -> str:
    if process["statename"] in {"FATAL", "EXITED"} or starts > _MAX_STARTS:
        return "it exited"
    return ""


def _reason(log_file: Path) -> str:
    """The last error in the log, for the message; the end of the log is shown as well."""
    found = _ERROR.findall(tail(log_file, _REASON_LINES))
    return f": {found[-1]}" if found else ""
