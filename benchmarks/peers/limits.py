"""The limits: a Flask view that answers a constant, and one that sends back the JSON it read, for our gunicorn file.

Nothing that reads a request under the same worker can be faster than the first; nothing that reads JSON, than the
second. The constant one also stands in for the monitoring service that the naive design tells of every prediction.
"""

from __future__ import annotations

import json

from flask import Flask, Response, request

ANSWER = b'{"churn chance":0.25,"model_run_id":"constant","prediction_id":"constant","warnings":[]}'

app = Flask(__name__)


@app.post("/constant")
def constant() -> Response:
    """Read the body and answer always the same."""
    request.get_data(cache=False)
    return Response(ANSWER, content_type="application/json")


@app.post("/echo")
def echo() -> Response:
    """Decode the body and encode it again."""
    return Response(json.dumps(json.loads(request.get_data(cache=False))), content_type="application/json")
