"""A Kinesis that fails: a real HTTP server in front of an emulator that passes on, rejects or changes what it gets."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FEW_RECORDS = 10
FEW_RECORDS_BYTES = 5_000_000
MAX_SEEN_BYTES = 1_000_000

Answer = tuple[int, dict[str, Any]]
Forward = Callable[[dict[str, Any]], Answer]
Fault = Callable[[dict[str, Any], Forward], Answer]


class FaultyKinesis:
    """`faults[action]` are used up one a call; `seen[action]` are the requests that came."""

    def __init__(self, behind: str) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.are_reads_limited = False
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                action = self.headers["X-Amz-Target"].rpartition(".")[2]
                length = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(length))
                faulty.seen[action].append(request if length < MAX_SEEN_BYTES else {})

                def forward(body: dict[str, Any]) -> Answer:
                    headers = {k: v for k, v in self.headers.items() if k not in ("Content-Length", "Host")}
                    try:
                        with urllib.request.urlopen(
                            urllib.request.Request(behind, json.dumps(body).encode(), headers)
                        ) as response:
                            return response.status, json.loads(response.read() or b"{}")
                    except urllib.error.HTTPError as error:
                        return error.code, json.loads(error.read())

                fault = faulty.faults[action].popleft() if faulty.faults[action] else None
                if fault is None and faulty.are_reads_limited and action == "GetRecords":
                    fault = faulty._limited
                status, response = fault(request, forward) if fault else forward(request)
                body = json.dumps(response).encode()
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

    def reject(self, action: str, code: str, times: int = 1) -> None:
        """Answer the next calls of this action with a Kinesis error."""
        error = (400, {"__type": code, "message": "planted by the test"})
        self.faults[action].extend([lambda *_: error] * times)

    def reject_records(self, *positions: int) -> None:
        """Of the next PutRecords call pass on all but these, and report these as throttled."""

        def fault(request: dict[str, Any], forward: Forward) -> Answer:
            records = request["Records"]
            kept = [record for at, record in enumerate(records) if at not in positions]
            status, response = forward(request | {"Records": kept}) if kept else (200, {"Records": []})
            taken = iter(response["Records"])
            failed = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "planted by the test"}
            merged = [failed if at in positions else next(taken) for at in range(len(records))]
            return status, {"FailedRecordCount": len(positions), "Records": merged}

        self.faults["PutRecords"].append(fault)

    def limit_reads(self) -> None:
        """From now on let no read bring many large records, as Kinesis does not; the emulators know no such limit."""
        self.are_reads_limited = True

    def _limited(self, request: dict[str, Any], forward: Forward) -> Answer:
        few = forward(request | {"Limit": min(request["Limit"], FEW_RECORDS)})
        size_bytes = sum(len(record["Data"]) * 3 // 4 for record in few[1].get("Records", ()))
        return few if size_bytes > FEW_RECORDS_BYTES else forward(request)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
