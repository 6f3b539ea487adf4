"""Requests to our own processes: never by way of a proxy, whatever the environment says."""

from __future__ import annotations

import urllib.request
from http.client import HTTPResponse


def open_loopback(request: urllib.request.Request, timeout_seconds: float) -> HTTPResponse:
    """The answer to a request to this machine; raises OSError, HTTPError among them."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: HTTPResponse = opener.open(request, timeout=timeout_seconds)
    return answer
