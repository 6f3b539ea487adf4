"""Steady load on the API and the stream; every request and record has an id that is known before it is sent."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from embedded.layout import PROJECT
from tabular.adapters.kinesis.streams import KinesisStream
from tabular.contract.loading import load_contract
from tabular.errors import TabularError
from tabular.predictions.prediction import id_from_key
from tests.chaos.audit.ledger import Attempt, Ledger
from tests.chaos.faults.mutation import mutated

JSON = "application/json"
CLIENTS = 4
BATCH_EVERY, BATCH_ROWS = 20, 20
LABEL_EVERY = 3
LABEL_AFTER_SECONDS = 0.1
CONTRACT = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
CLASSES, BUSINESS_KEY = CONTRACT.target.classes, str(CONTRACT.table.business_key)
PUT_EVERY_SECONDS = 0.25
GIVE_UP_SECONDS = 90.0
REQUEST_SECONDS = 20.0
TRIED_AGAIN = {0, 503}
RIGHT_FOR_MALFORMED = {200, 400, 413, 422}


class HttpClient:
    """One kept-alive connection that tries a request again, with its key, until it is served or given up."""

    def __init__(self, port: int, ledger: Ledger, score_key: str) -> None:
        self._port, self._ledger, self._score_key = port, ledger, score_key
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: bytes, key: str, right: set[int]) -> int:
        """Send until there is a response; notes what it promises. Returns the status, 0 if there never was one."""
        until, pause_seconds, status = time.monotonic() + GIVE_UP_SECONDS, 0.05, 0
        while time.monotonic() < until:
            status, answer = self._once(path, body, key)
            if status == 200:
                self._ledger.served(self._promises(json.loads(answer)))
            elif status not in right | TRIED_AGAIN:
                self._ledger.complain(f"{path} {key}: {status} {answer[:300]!r}")
            if status not in TRIED_AGAIN:
                return status
            if self._ledger.is_hopeless:
                return status
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 1.0)
        self._ledger.give_up(f"{path} {key}: no response for {GIVE_UP_SECONDS:g} s")
        return status

    def _once(self, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_SECONDS)
            self._connection.request("POST", path, body, {"Content-Type": JSON, "Idempotency-Key": key})
            reply = self._connection.getresponse()
            status, answer = reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            status, answer = 0, b""
            if self._connection is not None:
                self._connection.close()
            self._connection = None
        self._ledger.tried(Attempt(began, time.monotonic() - began, status))
        return status, answer

    def _promises(self, answer: dict[str, Any]) -> dict[str, float]:
        answers = answer.get("predictions", [answer])
        return {each["prediction_id"]: each[self._score_key] for each in answers if "prediction_id" in each}


@dataclass(frozen=True)
class Streams:
    """Where records and labels are put."""

    records: KinesisStream
    labels: KinesisStream


class Load:
    """Both loads in threads, each of which can rest and go on."""

    def __init__(self, api_port: int, streams: Streams, ledger: Ledger, records: Sequence[Any], key: str) -> None:
        self._port, self._streams, self._ledger, self._records, self._key = api_port, streams, ledger, records, key
        self._numbers = count()
        self._stop = threading.Event()
        self._http_on, self._stream_on = threading.Event(), threading.Event()
        self._busy = threading.Semaphore(CLIENTS + 1)
        self._threads: list[threading.Thread] = []

    def start(self, requests_per_second: float, records_per_second: float) -> None:
        """Begin, at these rates."""
        pauses = [(self._ask, self._http_on, CLIENTS / requests_per_second)] * CLIENTS
        size = max(round(records_per_second * PUT_EVERY_SECONDS), 1)
        pauses.append((lambda _: self._put(size), self._stream_on, size / records_per_second))
        for work, is_on, pause in pauses:
            client = HttpClient(self._port, self._ledger, self._key)
            self._threads.append(threading.Thread(target=self._run, args=(work, client, is_on, pause), daemon=True))
            self._threads[-1].start()
        self.go_on()

    def rest(self) -> None:
        """Send nothing new, and return when everything sent is served or given up."""
        self._http_on.clear()
        self._stream_on.clear()
        for _ in range(CLIENTS + 1):
            self._busy.acquire()
        self._busy.release(CLIENTS + 1)

    def go_on(self, *, with_stream: bool = True) -> None:
        """Send again."""
        self._http_on.set()
        if with_stream:
            self._stream_on.set()

    def stop(self) -> None:
        """End for good."""
        self.rest()
        self._stop.set()
        self.go_on()
        for thread in self._threads:
            thread.join()

    def malformed_bodies(self, draw: Random, times: int) -> None:
        """Damaged bodies to the API, one after the other."""
        client = HttpClient(self._port, self._ledger, self._key)
        for _ in range(times):
            key = f"malformed-{next(self._numbers)}"
            self._ledger.will_ask([id_from_key(key)])
            status = client.ask("/predict", mutated(draw, draw.choice(self._records)), key, RIGHT_FOR_MALFORMED)
            self._ledger.count_malformed("bodies", str(status))

    def malformed_records(self, draw: Random, times: int) -> None:
        """Damaged records to the stream, by 50."""
        for first in range(0, times, 50):
            size = min(50, times - first)
            bodies = [mutated(draw, draw.choice(self._records)) for _ in range(size)]
            taken = self._put_all([(f"malformed-{next(self._numbers)}", body) for body in bodies])
            for _ in range(size):
                self._ledger.count_malformed("records", "put" if taken else "not acknowledged")

    def burst(self, times: int) -> None:
        """So many good records at once."""
        self._put(times)

    def _run(self, work: Any, client: HttpClient, is_on: threading.Event, pause_seconds: float) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            is_on.wait()
            with self._busy:
                if is_on.is_set() and not self._stop.is_set():
                    work(client)
            due = max(due + pause_seconds, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0.001))

    def _ask(self, client: HttpClient) -> None:
        number = next(self._numbers)
        key, record = f"request-{number}", self._records[number % len(self._records)]
        if number % BATCH_EVERY:
            self._ledger.will_ask([id_from_key(key)])
            status = client.ask("/predict", json.dumps(record | {BUSINESS_KEY: key}).encode(), key, {200})
            if status == 200 and number % LABEL_EVERY == 0:
                self._tell(client, number, id_from_key(key))
            return
        self._ledger.will_ask([id_from_key(f"{key} {row}") for row in range(BATCH_ROWS)])
        client.ask("/predict/batch", json.dumps([record] * BATCH_ROWS).encode(), key, {200})

    def _tell(self, client: HttpClient, number: int, prediction_id: str) -> None:
        """The outcome of a prediction that was served, at once: the prediction may be on its way still."""
        self._ledger.will_tell([prediction_id])
        body = json.dumps({"prediction_id": prediction_id, "outcome": outcome_of(number)}).encode()
        if client.ask("/labels", body, f"label-{number}", {200}) == 200:
            self._ledger.was_told({prediction_id: outcome_of(number)})

    def _put(self, size: int) -> None:
        keyed = {f"record-{number}": number for number in (next(self._numbers) for _ in range(size))}
        records = [self._records[number % len(self._records)] | {BUSINESS_KEY: key} for key, number in keyed.items()]
        bodies = [json.dumps(record).encode() for record in records]
        if self._put_all(list(zip(keyed, bodies, strict=True))):
            time.sleep(LABEL_AFTER_SECONDS)
            self._put_labels({key: outcome_of(number) for key, number in keyed.items() if number % LABEL_EVERY == 0})

    def _put_labels(self, outcomes: dict[str, str]) -> None:
        self._ledger.will_tell(outcomes)
        labels = [(key, {BUSINESS_KEY: key, "outcome": outcome}) for key, outcome in outcomes.items()]
        try:
            self._streams.labels.put([(key, json.dumps(label).encode()) for key, label in labels])
        except TabularError:  # some of them may be there
            return
        self._ledger.was_told_of_keys(outcomes)

    def _put_all(self, records: list[tuple[str, bytes]]) -> bool:
        keys = [key for key, _ in records]
        self._ledger.will_put(keys)
        try:
            self._streams.records.put(records)
        except TabularError:  # some of them may be there: they must be dealt with if they are
            return False
        self._ledger.was_put(keys)
        return True


def outcome_of(number: int) -> str:
    """One outcome or the other, by the number of a request or record."""
    return CLASSES[number // LABEL_EVERY % len(CLASSES)]
