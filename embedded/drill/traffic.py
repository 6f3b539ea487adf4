"""The business of the drill: requests a prediction for each row, and reports its outcome a little later."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from embedded.drill.concept import Observed, Record
from embedded.services.loopback import open_loopback

EVERY_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0

Outcome = str | float


@dataclass
class Traffic:
    """Rows to an API, from a thread of its own, until `stop`. Counts are of rows; `failed` those without a response."""

    url: str
    rows_per_second: int
    label_delay_seconds: float
    predictions: int = 0
    labels: int = 0
    failed: int = 0
    last_error: str = ""
    _rows: Iterator[tuple[Record, Outcome]] = field(default_factory=lambda: iter(()))
    _waiting: deque[tuple[float, list[dict[str, Any]]]] = field(default_factory=deque)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __str__(self) -> str:
        sent = f"{self.predictions:,} predictions and {self.labels:,} labels were sent, {self.failed:,} rows failed"
        return f"{sent} ({self.last_error})" if self.last_error else sent

    def follow(self, rows: Observed, seed: int) -> None:
        """Send these rows from now on."""
        self._rows = rows.endless(seed)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Send nothing more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._predict(list(islice(self._rows, round(self.rows_per_second * EVERY_SECONDS))))
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                self._label(self._waiting.popleft()[1])

    def _predict(self, taken: list[tuple[Record, Outcome]]) -> None:
        responses = self._post("/predict/batch", [record for record, _ in taken])
        if responses is None:
            self.failed += len(taken)
            return
        self.predictions += len(taken)
        labels = [
            {"prediction_id": response["prediction_id"], "outcome": outcome}
            for response, (_, outcome) in zip(responses["predictions"], taken, strict=True)
        ]
        self._waiting.append((time.monotonic() + self.label_delay_seconds, labels))

    def _label(self, labels: list[dict[str, Any]]) -> None:
        if self._post("/labels", labels) is None:
            self._waiting.appendleft((time.monotonic(), labels))  # it is tried again
        else:
            self.labels += len(labels)

    def _post(self, path: str, body: list[dict[str, Any]]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
        try:
            with open_loopback(request, TIMEOUT_SECONDS) as response:
                return json.load(response)
        except OSError as error:
            self.last_error = f"{path}: {error}"
            return None
