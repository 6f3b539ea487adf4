"""What a web page from elsewhere could try on the running stack."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

from tests.foreign_page import HOST, ORIGIN

# Of every port that speaks HTTP: what reads, what writes, what runs code.
PATHS = {
    "emulator": ("/", "/feature-store", "/_ministack/health", "/_ministack/config", "/?Action=CreateFunction"),
    "mlflow": (
        "/",
        "/ajax-api/2.0/mlflow/experiments/create",
        "/api/2.0/mlflow/experiments/search",
        "/api/2.0/mlflow-artifacts/artifacts",
        "/ajax-api/2.0/mlflow-artifacts/artifacts/a.txt",
        "/get-artifact?path=a&run_uuid=b",
        "/graphql",
        "/static-files/index.html",
    ),
    "prefect": ("/", "/api/health", "/api/flows/", "/api/flows/filter", "/api/admin/version", "/ui-settings", "/docs"),
    "api": ("/", "/predict", "/predict/batch", "/labels", "/docs", "/metrics", "/health/ready"),
    "monitor": ("/metrics", "/health"),
    "consumer_metrics": ("/metrics", "/"),
    "shadow_metrics": ("/metrics", "/"),
    "prometheus": ("/", "/metrics", "/-/ready", "/api/v1/targets", "/api/v1/query?query=up"),
    "reports": ("/", "/index.html", "/reports.html", "/front-page.js"),
}
NOBODY = "00000000-0000-0000-0000-000000000000"


def run_a_command(port: int, proof: Path, headers: dict[str, str]) -> list[int]:
    """Ask Prefect, in plain HTTP as a page's `fetch` does, to have its worker touch a file: the three statuses.

    On a server as Prefect starts it, the file is there within ten seconds.
    """
    statuses = []

    def post(path: str, body: object) -> str:
        sent = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api{path}", json.dumps(body).encode(), sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                statuses.append(response.status)
                return json.load(response)["id"]
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
            return NOBODY

    flow = post("/flows/", {"name": "foreign"})
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {proof}"}}
    asked = {
        "name": "foreign",
        "flow_id": flow,
        "work_pool_name": "churn",
        "entrypoint": "a.py:b",
        "pull_steps": [step],
    }
    deployment = post("/deployments/", asked)
    post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    return statuses


def speak_http(port: int, body: object) -> bytes:
    """What a port that speaks another protocol answers to a page's POST."""
    text = json.dumps(body)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        lines = ["POST / HTTP/1.1", f"Host: {HOST}", f"Origin: {ORIGIN}", f"Content-Length: {len(text)}", "", text]
        connection.sendall("\r\n".join(lines).encode())
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1000)


def websocket_status(port: int, path: str, headers: dict[str, str]) -> int:
    """The status that answers a page's WebSocket; 101 opens it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    asked |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "prefect"}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=asked | headers)
        return connection.getresponse().status
