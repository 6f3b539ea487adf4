"""The limits of serving, for our gunicorn file: what a server costs that does nothing.

app /constant   a Flask view that reads the body and answers a constant
app /echo       a Flask view that decodes the body as JSON and encodes it again
bare            a WSGI callable that reads the body and answers a constant, without a framework

Nothing that Flask answers under the same worker can be faster than the first; nothing that reads JSON, than the second.
The constant one also stands in for the monitoring service that the naive design tells of every prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from flask import Flask, Response, request

ANSWER = b'{"churn chance":0.25,"model_run_id":"constant","prediction_id":"constant","warnings":[]}'
JSON = "application/json"

app = Flask(__name__)


@app.post("/constant")
def constant() -> Response:
    """Read the body and answer always the same."""
    request.get_data(cache=False)
    return Response(ANSWER, content_type=JSON)


@app.post("/echo")
def echo() -> Response:
    """Decode the body and encode it again."""
    return Response(msgspec.json.encode(msgspec.json.decode(request.get_data(cache=False))), content_type=JSON)


@app.get("/health/ready")
def ready() -> str:
    """It is always ready."""
    return "ready"


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body and answer always the same, to whatever is asked."""
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(ANSWER)))])
    return [ANSWER]
