"""A fault-injecting HTTP proxy in front of the Kinesis emulator: real connections, the faults that AWS documents.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html says how a part of a call fails, and
API_GetRecords.html how an iterator expires and a shard is throttled.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

THROTTLED = "ProvisionedThroughputExceededException"
EXPIRED = "ExpiredIteratorException"
JSON = "application/x-amz-json-1.1"
SHARE = 0.5
"""How many of the calls fail while a fault lasts."""


class FaultyProxy:
    """Forwards to `upstream_port`; while a fault is in `faults`, half of the calls it is about fail."""

    def __init__(self, port: int, upstream_port: int, seed: int) -> None:
        self.port = port
        self.faults: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self._draw, self._lock = Random(seed), threading.Lock()
        self._server = _Server(port, upstream_port, self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def strikes(self, fault: str, action: str) -> bool:
        """True if this call is to fail in this way."""
        about = {"throttled": ("PutRecords", "GetRecords"), "expired iterators": ("GetRecords",)}
        with self._lock:
            hit = self.faults[fault] > 0 and action in about.get(fault, ("PutRecords",)) and self._draw.random() < SHARE
            self.injected[fault] += hit
        return hit

    def halves(self, records: list[Any]) -> tuple[list[Any], list[bool]]:
        """The records that are let through, and for each whether it is."""
        with self._lock:
            passed = [self._draw.random() < SHARE for _ in records]
        return [record for record, is_through in zip(records, passed, strict=True) if is_through], passed


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, upstream_port: int, proxy: FaultyProxy) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.upstream_port, self.proxy = upstream_port, proxy

    def handle_error(self, *_: object) -> None:
        """A client was killed in the middle of a call: that is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if self.server.proxy.strikes("throttled", action):
            self._refuse(THROTTLED, "Rate exceeded for shard")
        elif self.server.proxy.strikes("expired iterators", action):
            self._refuse(EXPIRED, "Iterator expired")
        elif self.server.proxy.strikes("partial puts", action):
            self._put_a_part(json.loads(body))
        elif self.server.proxy.strikes("responses lost on the way", action):
            self._forward(body)
            self.close_connection = True  # the records are on the stream, the sender does not know
        else:
            self._answer(*self._forward(body))

    def do_GET(self) -> None:
        self._answer(*self._forward(b""))

    def _put_a_part(self, call: dict[str, Any]) -> None:
        through, passed = self.server.proxy.halves(call["Records"])
        taken: list[Any] = []
        if through:
            status, answer = self._forward(json.dumps(call | {"Records": through}).encode())
            if status != 200:
                self._answer(status, answer)
                return
            taken = json.loads(answer)["Records"]
        ours = {"ErrorCode": THROTTLED, "ErrorMessage": "Rate exceeded for shard"}
        rest = iter(taken)
        records = [next(rest) if is_through else ours for is_through in passed]
        failed = sum("ErrorCode" in record for record in records)
        self._answer(200, json.dumps({"FailedRecordCount": failed, "Records": records}).encode())

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        skipped = {"host", "content-length", "connection"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=30)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            return 503, b'{"__type": "ServiceUnavailable", "message": "the emulator is down"}'
        finally:
            connection.close()

    def _refuse(self, code: str, message: str) -> None:
        self._answer(400, json.dumps({"__type": code, "message": message}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: the services log what they see."""
