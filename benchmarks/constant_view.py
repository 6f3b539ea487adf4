"""The limits of serving, for the same gunicorn settings as the API: what a view costs that does nothing.

app    a Flask view that reads the body and answers a constant
echo   a Flask view that decodes the body as JSON and sends it back
bare   a WSGI callable that reads the body and answers a constant: the server alone, without a framework
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from flask import Flask, Response, request

ANSWER = b'{"churn chance":0.25,"model_run_id":"constant","prediction_id":"constant","warnings":[]}'
JSON = "application/json"

app, echo = Flask("constant"), Flask("echo")


@app.post("/predict")
@app.post("/predict/batch")
def predict() -> Response:
    """Read the body and answer always the same."""
    request.get_data(cache=False)
    return Response(ANSWER, content_type=JSON)


@echo.post("/predict")
@echo.post("/predict/batch")
def send_back() -> Response:
    """Decode the body and send it back."""
    return Response(msgspec.json.encode(msgspec.json.decode(request.get_data(cache=False))), content_type=JSON)


@app.get("/health/ready")
@echo.get("/health/ready")
def ready() -> str:
    """It is always ready."""
    return "ready"


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body and answer always the same, to whatever is asked."""
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(ANSWER)))])
    return [ANSWER]
