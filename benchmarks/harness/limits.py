"""The limits of serving, under our gunicorn file: what a server costs that does nothing.

app /constant   an ASGI callable that reads the body and answers a constant
app /echo       one that decodes the body as JSON and encodes it again
app /view       a Flask view that reads the body and answers a constant, run by a2wsgi as the API's own pages are

Nothing that is answered under the same worker can be faster than the first; nothing that reads JSON, than the second.
The constant one also stands in for the monitoring service that the naive design tells of every prediction.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from a2wsgi import WSGIMiddleware
from flask import Flask, Response
from flask import request as flask_request

from server.api.request import HeldBytes, Receive, Request, Scope, Send
from server.connections.clients import Clients

ANSWER = b'{"churn chance":0.25,"model_run_id":"constant","prediction_id":"constant","warnings":[]}'
MAX_BODY_BYTES = 100_000_000


class Limits:
    """The ASGI application; it is always ready."""

    def __init__(self) -> None:
        self.clients = Clients(1_000, 1_000, lambda _status: None)
        self._view = WSGIMiddleware(cast(Any, _flask()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["path"] == "/view":
            await self._view(cast(Any, scope), cast(Any, receive), cast(Any, send))
            return
        request = Request(scope, receive, send, HeldBytes(MAX_BODY_BYTES))
        body = await request.body(MAX_BODY_BYTES)
        answer = msgspec.json.encode(msgspec.json.decode(body)) if request.path == "/echo" else ANSWER
        length = str(len(answer)).encode()
        await request.respond(200, [(b"content-type", b"application/json"), (b"content-length", length)], answer)


def _flask() -> Flask:
    app = Flask("limits")

    @app.post("/view")
    def view() -> Response:
        flask_request.get_data()
        return Response(ANSWER, content_type="application/json")

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    for _ in range(2):
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


app = Limits()
