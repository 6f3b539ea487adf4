"""A database and streams for one test, and a Kinesis that fails.

The last is a real HTTP server in front of an emulator that passes on, refuses or changes what it hears.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from embedded.service import Service
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.stream import StreamAdmin
from tests.adapters.numbered_records import REGION

Answer = tuple[int, dict[str, Any]]
Forward = Callable[[dict[str, Any]], Answer]
Fault = Callable[[dict[str, Any], Forward], Answer]


class FaultyKinesis:
    """`faults[action]` are used up one a call; `seen[action]` are the requests that came."""

    def __init__(self, behind: str) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                action = self.headers["X-Amz-Target"].rpartition(".")[2]
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                faulty.seen[action].append(request)

                def forward(body: dict[str, Any]) -> Answer:
                    headers = {k: v for k, v in self.headers.items() if k not in ("Content-Length", "Host")}
                    try:
                        with urllib.request.urlopen(
                            urllib.request.Request(behind, json.dumps(body).encode(), headers)
                        ) as answer:
                            return answer.status, json.loads(answer.read() or b"{}")
                    except urllib.error.HTTPError as error:
                        return error.code, json.loads(error.read())

                fault = faulty.faults[action].popleft() if faulty.faults[action] else None
                status, answer = fault(request, forward) if fault else forward(request)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def refuse(self, action: str, code: str, times: int = 1) -> None:
        """Answer the next calls of this action with a Kinesis error."""
        error = (400, {"__type": code, "message": "planted by the test"})
        self.faults[action].extend([lambda *_: error] * times)

    def refuse_records(self, *positions: int) -> None:
        """Of the next PutRecords call pass on all but these, and report these as throttled."""

        def fault(request: dict[str, Any], forward: Forward) -> Answer:
            records = request["Records"]
            kept = [record for at, record in enumerate(records) if at not in positions]
            status, answer = forward(request | {"Records": kept}) if kept else (200, {"Records": []})
            taken = iter(answer["Records"])
            failed = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "planted by the test"}
            merged = [failed if at in positions else next(taken) for at in range(len(records))]
            return status, {"FailedRecordCount": len(positions), "Records": merged}

        self.faults["PutRecords"].append(fault)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def faulty(request: pytest.FixtureRequest) -> Iterator[FaultyKinesis]:
    """In front of the emulator that the test runs on."""
    proxy = FaultyKinesis(request.getfixturevalue("emulator_url"))
    yield proxy
    proxy.close()


@pytest.fixture
def predictions(store, settings):
    """A database of its own."""
    adapter = MongoPredictions(settings.mongo_uri, f"test_{uuid.uuid4().hex}")
    yield adapter
    adapter.close()


@pytest.fixture(scope="module", params=["ministack", "moto"])
def emulator_url(request: pytest.FixtureRequest) -> str:
    service: Service = request.getfixturevalue(request.param)
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
def stream(emulator_url, request) -> Iterator[str]:
    """A fresh stream of two shards."""
    name = f"s{abs(hash(request.node.name)):x}"
    admin = StreamAdmin(emulator_url, REGION)
    assert admin.ensure(name, 2)
    yield name
    boto3.client("kinesis", endpoint_url=emulator_url, region_name=REGION).delete_stream(StreamName=name)
