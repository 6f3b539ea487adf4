"""Pages of HTML: the templates, the policy that they are shown under, and errors for those who read HTML."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

import jinja2
import msgspec
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from server.api.request import HTML, JSON, NDJSON, Headers, Request
from server.connections.errors import HttpError

STATIC = ("/static/page.css", "/static/form.js", "/static/docs.js")
"""What the pages load, all of it from here: open to everybody, as there is nothing of a table in it."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser would send a form without its origin.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
MAX_ACCEPT_CHARACTERS = 1_000
_OF_PROGRAMS = frozenset({JSON, NDJSON})


def wants_html(request: Request) -> bool:
    """True for a browser that opens a page or sends a form; False for who sends JSON, or takes JSON as gladly."""
    if media_of(request) in _OF_PROGRAMS:
        return False
    accepts = (request.header(b"accept") or "")[:MAX_ACCEPT_CHARACTERS]
    return parse_accept_header(accepts, MIMEAccept).best_match([JSON, HTML]) == HTML


def media_of(request: Request) -> str:
    """The media type of the request's body, in lower case; empty if it names none."""
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower()


def page(status: int, template: str, values: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a page."""
    body = _environment().get_template(template).render(values).encode()
    headers = {"Content-Type": f"{HTML}; charset=utf-8", "Content-Length": str(len(body)), **PAGE_HEADERS}
    return status, [(name.lower().encode(), value.encode()) for name, value in headers.items()], body


def error_page(error: HttpError) -> tuple[Headers, bytes]:
    """Headers and body of an error as a page; the same words, the same status and the same headers as in JSON."""
    detail = msgspec.json.decode(error.response()[1])["error"]
    values = {"status": error.status, "phrase": HTTPStatus(error.status).phrase, "error": detail}
    _, headers, body = page(error.status, "error.html", values)
    return [*headers, *((name.lower().encode(), value.encode()) for name, value in error.headers.items())], body


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("server.api"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
