"""Who may send requests, and with what kind of body: all that a request's head decides."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from functools import lru_cache

from server.api.compression import CODINGS, IDENTITY
from server.api.request import Request
from server.api.web.pages import STATIC
from server.connections.errors import HttpError
from tabular.process.allowed_hosts import AllowedHosts
from tabular.settings import Settings

OPEN_PATHS = ("/health/live", "/health/ready", "/", *STATIC)
_OWN_SITES = frozenset({b"same-origin", b"none"})


class Access:
    """The rules of one API; at the paths `checked_later`, to which rows are posted, the route looks at the key."""

    def __init__(self, settings: Settings, checked_later: Collection[str]) -> None:
        self._open_paths = frozenset(OPEN_PATHS) | frozenset(checked_later)
        self._key = settings.api_key.encode()
        self._open_pages = settings.open_pages
        hosts = AllowedHosts(settings.allowed_hosts)
        self._allows = lru_cache(256)(lambda host: host.decode("latin-1") in hosts)

    def check(self, request: Request) -> None:
        """Raises HttpError for a request that may be understood in two ways, or came by a name that is not allowed."""
        request.check_framing()
        host = request.headers.get(b"host")
        if host is None:
            if request.scope["http_version"] != "1.0":
                raise HttpError(400, "the header Host is missing")
        elif not self._allows(host):
            raise HttpError(421, "the header Host names a server that is not this one")
        # Whatever is not open needs the key, for Flask reads `//metrics` as `/metrics`; predicting, see below.
        if self._key and not self._open_pages and request.path not in self._open_paths:
            self.check_key(request)

    def check_body(self, request: Request, *media: str) -> str:
        """The media type of the body, one of these; raises HttpError for a request whose body is not to be read."""
        if request.method != "POST":
            raise HttpError(405, "this path does not take this method", headers={"Allow": "POST"})
        if self._key:
            self.check_key(request)
        given = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        if given not in media:
            said = (request.header(b"content-type") or "nothing")[:100]
            raise HttpError(415, f"this path reads {' or '.join(media)}, and the header Content-Type says {said}")
        return given

    def coding(self, request: Request) -> str:
        """How the body is compressed, in lower case; raises HttpError for a way that is not read."""
        given = (request.header(b"content-encoding") or IDENTITY).strip().lower()
        if given != IDENTITY and given not in CODINGS:
            message = f"the header Content-Encoding says {given[:100]}, and what is read is gzip, deflate and identity"
            raise HttpError(415, message, "compressed", "Compress it with gzip, or send it without the header.")
        return given

    def check_origin(self, request: Request) -> None:
        """Raises HttpError for a form that a page of another origin sends: a browser does so without asking first."""
        origin, host = request.headers.get(b"origin"), request.headers.get(b"host", b"")
        is_own = origin is None or origin in {b"http://" + host, b"https://" + host}
        if not is_own or request.headers.get(b"sec-fetch-site", b"none") not in _OWN_SITES:
            remedy = "Open this server's own page and send the form from there."
            raise HttpError(403, "a web page of another origin sends this form", "foreign_page", remedy)

    @property
    def needs_key(self) -> bool:
        """True if there is an API key."""
        return bool(self._key)

    def opens_pages(self, request: Request) -> bool:
        """True if the request may see pages that tell of a table."""
        return self._open_pages or self.has_key(request)

    def has_key(self, request: Request) -> bool:
        """True if the head of the request has the key, or there is none."""
        given = request.headers.get(b"x-api-key")
        if given is None:
            scheme, _, given = request.headers.get(b"authorization", b"").partition(b" ")
            given = given.strip() if scheme.lower() == b"bearer" else b""
        return not self._key or hmac.compare_digest(given, self._key)

    def is_key(self, given: str) -> bool:
        """True if it is the key, or there is none."""
        return not self._key or hmac.compare_digest(given.encode(), self._key)

    def check_key(self, request: Request) -> None:
        """Raises HttpError for a request whose head lacks the key, if there is one."""
        if not self.has_key(request):
            raise HttpError(401, "the API key is missing or wrong", headers={"WWW-Authenticate": "Bearer"})
