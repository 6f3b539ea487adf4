"""Whether our worker has sent a heartbeat to the Prefect server: it has no port of its own to check."""

from __future__ import annotations

import base64
import json
import urllib.request
from datetime import datetime
from http.client import HTTPException

from embedded.services.loopback import open_loopback

WORK_POOL = "churn"
WORKER = "embedded"
_SECONDS = 5.0


def worker_has_reported(port: int, login: str, since_seconds: float) -> bool:
    """True if our worker has sent a heartbeat since then (seconds of the epoch); the login is name:password."""
    url = f"http://127.0.0.1:{port}/api/work_pools/{WORK_POOL}/workers/filter"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
    }
    try:
        with open_loopback(urllib.request.Request(url, b"{}", headers), _SECONDS) as answer:
            workers = json.load(answer)
    except (OSError, HTTPException, ValueError):
        return False
    heartbeats = [worker["last_heartbeat_time"] for worker in workers if worker["name"] == WORKER]
    return any(datetime.fromisoformat(each).timestamp() >= since_seconds for each in heartbeats if each)
