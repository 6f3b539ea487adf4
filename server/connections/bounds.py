"""The bounds of a connection in seconds and bytes, and the error for whoever exceeds one."""

from __future__ import annotations

from uvicorn.protocols.http.flow_control import FlowControl

from server.connections.errors import HttpError

REQUEST_SECONDS = 30.0
RESPONSE_SECONDS = 30.0
LINGER_SECONDS = 5.0  # a client that is still sending when the connection closes never sees the response
LAST_REQUEST_SECONDS = 1.0  # when the worker stops: for a request that is on its way
FRAMING_BYTES = 65_536
PIECE_BYTES = 1_024
MAX_HELD_BYTES = 16_000_000  # of pipelined requests that wait to be parsed, of all clients of a worker

SLOW = HttpError(408, "the request did not arrive within 30 s", "too_slow", "Send it faster, or less.")
NOT_HTTP = HttpError(400, "this is not an HTTP request that can be read", "not_http", "Send it as RFC 9112 has it.")
OTHER_VERSION = HttpError(505, "HTTP/1.0 and HTTP/1.1 are spoken here", "other_version", "Send it as HTTP/1.1.")
OTHER_HOST = HttpError(400, "the target is no address of the server that Host names", "other_host", "Send the path.")
BROKEN_OFF = HttpError(400, "the request broke off", "broken_body", "Send the whole of it.")
LONG_HEAD = HttpError(431, "the head of the request is too long", "long_head", "Send fewer and shorter headers.")
SMALL_CHUNKS = HttpError(400, "the body's chunks are too small", "small_chunks", "Send its length, or larger ones.")
CROWDED = HttpError(503, "too many connections are open", "overloaded", "Close some.", (), {"Retry-After": "1"})


class HeldFlow(FlowControl):
    """Does not read on while bytes of an earlier reading still wait to be parsed."""

    is_held = False

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()
