"""Which web pages of other origins may read responses: none that `CORS_ORIGINS` does not name (WHATWG Fetch, 3.2).

A permission is no key: `API_KEY` and `ALLOWED_HOSTS` hold for these pages as for everybody else.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from server.api.request import Headers, Request
from tabular.errors import InvalidSetting

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))
_VARY = (b"vary", b"Origin")
_PERMITTED = [
    (b"access-control-allow-methods", b"POST"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Encoding, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
]


class Cors:
    """The origins of one API, for these paths; raises InvalidSetting for what is no origin, `*` among it."""

    def __init__(self, origins: str, paths: Collection[str]) -> None:
        self._paths = paths
        self._origins = frozenset(_checked(each.strip()).encode() for each in origins.split(",") if each.strip())

    def __bool__(self) -> bool:
        return bool(self._origins)

    def headers(self, request: Request) -> Headers:
        """What a response of the predicting routes says of who may read it."""
        if not self._origins or request.path not in self._paths:
            return []
        origin = request.headers.get(b"origin")
        if origin is None or origin not in self._origins:
            return [_VARY]
        exposed = (b"access-control-expose-headers", b"Idempotent-Replayed, Retry-After, X-Request-Id")
        return [_VARY, (b"access-control-allow-origin", origin), exposed]

    def permission(self, request: Request) -> Headers | None:
        """The response to a preflight request; None for another request, or another page."""
        is_preflight = request.method == "OPTIONS" and b"access-control-request-method" in request.headers
        permitted = self.headers(request) if is_preflight else []
        if len(permitted) < 2:
            return None
        # Chrome asks so of local servers.
        is_from_outside = b"access-control-request-private-network" in request.headers
        return [*_PERMITTED, (b"access-control-allow-private-network", b"true")] if is_from_outside else _PERMITTED


def _checked(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin) or any(origin.startswith(a) and origin.endswith(b) for a, b in _DEFAULT_PORTS):
        raise InvalidSetting(
            f"CORS_ORIGINS names {origin!r}, which is no origin as a browser sends it. Give a scheme, a host in lower "
            "case and a port unless it is the scheme's own: https://app.example.com, http://localhost:3000. Not *"
        )
    return origin
