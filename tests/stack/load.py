"""Requests at a steady rate while something else is done to the stack."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tabular.contract.loading import load_contract

EXAMPLE = load_contract(Path(__file__).resolve().parents[2] / "contracts/credit_card_churn.toml").example


def run_of(said: str) -> str:
    """The run that made a prediction, or all that was said if it is none, such as a page of the proxy."""
    try:
        return str(json.loads(said)["model_run_id"])
    except (ValueError, KeyError, TypeError):
        return said


class Load:
    """A hundred requests a second over kept-alive connections, each answer counted by status and run."""

    def __init__(self, port: int, connections: int = 40, per_second: float = 100) -> None:
        self.answers: list[tuple[object, str]] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(port, connections / per_second)) for _ in range(connections)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list[tuple[object, str]]:
        return [one for one in self.answers if one[0] != 200]

    def _send(self, port: int, every_seconds: float) -> None:
        connection, body = HTTPConnection("127.0.0.1", port, timeout=15), json.dumps(EXAMPLE)
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                said = answer.read().decode()
                self.answers.append((answer.status, run_of(said)))
            except (OSError, HTTPException) as error:
                connection.close()
                self.answers.append((type(error).__name__, str(error)))
            due = max(due + every_seconds, time.monotonic())
            self._stop.wait(due - time.monotonic())
