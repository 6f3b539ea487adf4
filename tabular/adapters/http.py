"""HTTP requests that go where a setting says: no redirect is followed, no proxy of the shell learns the address."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from tabular.errors import Rejected, Unavailable

SECONDS = 10.0
MOST_READ = 1_000_000
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""The 4xx statuses after which the same request may be taken."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No other request: the response is the error that it is."""


def sent(request: urllib.request.Request, name: str) -> bytes:
    """The body of the response, at most MOST_READ bytes; `name` is what is asked, for errors, which hold no address.

    Raises Unavailable if the request may be taken later, Rejected if it never is.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=SECONDS) as response:
            return bytes(response.read(MOST_READ))
    except urllib.error.HTTPError as error:
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in LATER:
            raise Rejected(f"{name} does not take the message: it responds with {error.code}") from None
        raise Unavailable(name, f"it responds with {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise Unavailable(name, type(getattr(error, "reason", error)).__name__) from None
