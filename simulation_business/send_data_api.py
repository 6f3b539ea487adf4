"""Send rows of the table to the API, at a pace: python -m simulation_business.send_data_api --rate 5."""

from __future__ import annotations

import argparse
import sys
import uuid
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from simulation_business.replay import Record
from simulation_business.sending import Job, run
from tabular.errors import InvalidSetting
from tabular.wiring import Wiring

RESPONSE_SECONDS = 5.0
MAX_SHOWN_CHARACTERS = 200
_TRY_AGAIN = {429, 502, 503, 504}


class ApiClient:
    """One kept-alive connection to `POST <url><prefix>/predict`; the prefix is that of the table."""

    def __init__(self, url: str, api_key: str = "", prefix: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidSetting(f"--url {url!r} is not an address such as http://127.0.0.1:9696")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=RESPONSE_SECONDS)
        self._headers = {"Content-Type": "application/json"} | ({"X-API-Key": api_key} if api_key else {})
        self._path = f"{parts.path.rstrip('/')}{prefix}/predict"

    def post(self, body: bytes, key: str) -> tuple[int, bytes]:
        """Status and body of the response; raises OSError or HTTPException when there is none."""
        headers = {**self._headers, "Idempotency-Key": key}
        try:
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            self._connection.close()  # the next try makes a fresh one
            raise


def main() -> int:
    """Send until told to stop, or until the count is reached."""
    return run(_describe, _send)


def _describe(parser: argparse.ArgumentParser, wiring: Wiring) -> None:
    settings = wiring.settings
    parser.description = "Send rows of the table to the API."
    parser.add_argument("--url", default=f"http://127.0.0.1:{settings.api_port}", help="the address of the API")


def _send(arguments: argparse.Namespace, wiring: Wiring, job: Job) -> None:
    client = ApiClient(arguments.url, wiring.settings.api_key, wiring.path_prefix)
    for (record,) in job.batches(at_most=1):
        deliver(client, record, job)


def deliver(client: ApiClient, record: Record, job: Job) -> None:
    """Send one row until it is served or rejected; every try has the same key, so it is stored once."""
    body, key = msgspec.json.encode(record), str(uuid.uuid4())
    for _ in job.tries():
        try:
            status, response = client.post(body, key)
        except (OSError, HTTPException) as error:
            job.progress.last = f"no response, trying again: {error or type(error).__name__}"
            continue
        if status in _TRY_AGAIN:
            job.progress.last = f"HTTP {status}, trying again"
            continue
        if status == 200:
            job.progress.served += 1
            job.progress.last = _score(response, job.contract.reply.prediction_key)
        else:
            job.progress.failed += 1
            job.progress.last = f"HTTP {status}: {response[:MAX_SHOWN_CHARACTERS].decode(errors='replace').strip()}"
        return
    job.progress.failed += 1


def _score(response: bytes, key: str) -> str:
    reply: dict[str, Any] = msgspec.json.decode(response)
    return f"{key} {reply[key]:.4g}" if isinstance(reply[key], float) else f"{key} {reply[key]}"


if __name__ == "__main__":
    sys.exit(main())
