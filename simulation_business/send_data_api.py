"""Send rows of the table to the API, at a pace, and later their outcomes.

python -m simulation_business.send_data_api --rate 5
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from simulation_business.rows import Row
from simulation_business.sending import BY_ID, Job, run
from tabular.errors import InvalidSetting
from tabular.wiring import Wiring

RESPONSE_SECONDS = 5.0
MAX_SHOWN_CHARACTERS = 200
OK, ACCEPTED = 200, 202
_TRY_AGAIN = {429, 502, 503, 504}


class ApiClient:
    """One kept-alive connection to the routes of a table, `POST <url><prefix>/…`."""

    def __init__(self, url: str, api_key: str = "", prefix: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidSetting(f"--url {url!r} is not an address such as http://127.0.0.1:9696")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=RESPONSE_SECONDS)
        self._headers = {"Content-Type": "application/json"} | ({"X-API-Key": api_key} if api_key else {})
        self._path = f"{parts.path.rstrip('/')}{prefix}"

    def post(self, route: str, body: bytes, key: str) -> tuple[int, bytes]:
        """Status and body of the response; raises OSError or HTTPException when there is none."""
        headers = {**self._headers, "Idempotency-Key": key}
        try:
            self._connection.request("POST", self._path + route, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            self._connection.close()  # the next try makes a fresh one
            raise


def main() -> int:
    """Send until told to stop, or until the count is reached."""
    return run(_describe, _send, BY_ID)


def _describe(parser: argparse.ArgumentParser, wiring: Wiring) -> None:
    settings = wiring.settings
    parser.description = "Send rows of the table to the API."
    parser.add_argument("--url", default=f"http://127.0.0.1:{settings.api_port}", help="the address of the API")


def _send(arguments: argparse.Namespace, wiring: Wiring, job: Job) -> None:
    client = ApiClient(arguments.url, wiring.settings.api_key, wiring.path_prefix)
    for (row,) in job.batches(at_most=1):
        deliver(client, row, job)
        tell(client, job)
    for _ in job.until_told():
        tell(client, job)


def deliver(client: ApiClient, row: Row, job: Job) -> None:
    """Send one row until it is served or rejected; every try has the same key, so it is stored once."""
    body, began_seconds = msgspec.json.encode(job.outcomes.request(row)), time.monotonic()
    found = _until_responded(client, "/predict", body, job)
    if found is None:
        job.progress.failed += 1
        return
    status, response = found
    if status != OK:
        job.progress.failed += 1
        job.progress.last = _shown(status, response)
        return
    reply: dict[str, Any] = msgspec.json.decode(response)
    job.progress.served += 1
    job.progress.seconds.append(time.monotonic() - began_seconds)
    job.progress.last = _score(reply, job.contract.reply.prediction_key)
    job.outcomes.predicted(row, str(reply.get("prediction_id")), time.monotonic())


def tell(client: ApiClient, job: Job) -> None:
    """Send the outcomes that are due."""
    for labels in job.due_labels():
        found = _until_responded(client, "/labels", msgspec.json.encode(labels), job)
        if found is not None and found[0] in {OK, ACCEPTED}:
            job.progress.labels += len(labels)
        elif found is not None:
            job.progress.last = f"labels: {_shown(*found)}"


def _until_responded(client: ApiClient, route: str, body: bytes, job: Job) -> tuple[int, bytes] | None:
    """The first response that is not to be tried again, under one key; None if it is time to stop."""
    key = str(uuid.uuid4())
    for _ in job.tries():
        try:
            status, response = client.post(route, body, key)
        except (OSError, HTTPException) as error:
            job.progress.last = f"no response, trying again: {error or type(error).__name__}"
            continue
        if status not in _TRY_AGAIN:
            return status, response
        job.progress.last = f"HTTP {status}, trying again"
    return None


def _shown(status: int, response: bytes) -> str:
    return f"HTTP {status}: {response[:MAX_SHOWN_CHARACTERS].decode(errors='replace').strip()}"


def _score(reply: dict[str, Any], key: str) -> str:
    return f"{key} {reply[key]:.4g}" if isinstance(reply[key], float) else f"{key} {reply[key]}"


if __name__ == "__main__":
    sys.exit(main())
