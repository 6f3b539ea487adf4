"""A hundred requests a second on the API, and what came back."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter

from tests.journeys.waiting import wait_until

CLIENTS, EVERY_SECONDS = 4, 0.04


class Load:
    """Clients that send the example on kept-alive connections, each at its pace; what they got, by status and run."""

    def __init__(self, port, example):
        self.responses, self.failed, self.count = Counter(), Counter(), 0
        self._body, self._port = json.dumps(example).encode(), port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _note(self, status, said):
        self.count += 1
        (self.responses if status == 200 else self.failed)[said] += 1

    def _send(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", self._body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                said = json.loads(response.read())
                self._note(response.status, said.get("model_run_id", str(said)))
            except OSError as error:
                connection.close()
                self._note(0, type(error).__name__)
            due += EVERY_SECONDS
            self._stop.wait(max(due - time.monotonic(), 0))


def follows(load, run):
    """How many seconds pass until every response of a moment is by the run."""
    began = time.monotonic()

    def all_of_a_moment():
        load.responses.clear()
        time.sleep(0.5)
        return set(load.responses) == {run}

    wait_until(all_of_a_moment)
    return time.monotonic() - began
