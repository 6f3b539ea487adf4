"""Requests to our own processes, which bypass any proxy of the environment."""

from __future__ import annotations

import urllib.request
from http.client import HTTPResponse


def open_loopback(request: urllib.request.Request, timeout_seconds: float) -> HTTPResponse:
    """The response to a request to this machine; raises OSError, including HTTPError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    response: HTTPResponse = opener.open(request, timeout=timeout_seconds)
    return response
