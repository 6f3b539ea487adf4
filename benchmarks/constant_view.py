"""The limit: a Flask view that reads the body and answers a constant, for the same gunicorn settings as the API."""

from __future__ import annotations

from flask import Flask, Response, request

ANSWER = b'{"churn chance":0.25,"model_run_id":"constant","prediction_id":"constant","warnings":[]}'

app = Flask(__name__)


@app.post("/predict")
@app.post("/predict/batch")
def predict() -> Response:
    """Read the body and answer always the same."""
    request.get_data(cache=False)
    return Response(ANSWER, content_type="application/json")


@app.get("/health/ready")
def ready() -> str:
    """It is always ready."""
    return "ready"
