"""What a web page from elsewhere, open in the user's browser, may do with a port of the stack.

The browser itself keeps a page from reading the answers of another origin, unless the server permits it with
`Access-Control-Allow-Origin`. A page whose own name was made to point at this machine (DNS rebinding) is of the same
origin: there only the server's refusal of the foreign `Host` helps.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Mapping
from types import MappingProxyType

ORIGIN = "https://evil.example"
HOST = "evil.example"
TIMEOUT_SECONDS = 20
NONE: Mapping[str, str] = MappingProxyType({})
_PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
    "Access-Control-Request-Private-Network": "true",
}


def permissions(host: str, port: int, path: str = "/", headers: Mapping[str, str] = NONE) -> list[str]:
    """A sentence for each thing that a foreign page was permitted; empty when it was permitted nothing.

    `headers` are sent with each request, say a session's credential that the browser would add by itself. The port must
    speak HTTP: raises OSError or http.client.HTTPException where nothing answers.
    """
    found: list[str] = []
    for method, extra in (("GET", NONE), ("POST", NONE), ("OPTIONS", _PREFLIGHT)):
        answer = _asked(host, port, method, path, {**headers, **extra, "Origin": ORIGIN})
        allowed = answer.headers.get_all("Access-Control-Allow-Origin") or []
        found += [
            f"{method} {path} of port {port} permits the origin {ORIGIN} by Access-Control-Allow-Origin: {value}"
            for value in allowed
            if value.strip() in ("*", ORIGIN)
        ]
    for method in ("GET", "POST"):
        for name in (HOST, f"{HOST}:{port}", f"127.0.0.1.{HOST}:{port}", f"10.{HOST}"):
            answer = _asked(host, port, method, path, {**headers, "Host": name})
            if answer.status < 400:
                found.append(f"{method} {path} of port {port} answers {answer.status} for Host: {name}")
    return found


def _asked(host: str, port: int, method: str, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """The head of the answer; its body is not of interest, and may be endless."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        body = b"{}" if method == "POST" else None
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        connection.request(method, path, body, {"Host": f"{host}:{port}", "Connection": "close", **kind, **headers})
        return connection.getresponse()
