"""An error response of HTTP: which status, which code, in one shape.

    {"error": {"code": "...", "message": "what happened", "remedy": "what to do next", "faults": [...]}}

`faults` names each faulty field with the problem, what was given and what is allowed; it is there for every error.
`server/api/errors.py` turns every other error into one of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import responses
from typing import Any

import msgspec

from tabular.errors import Fault

MAX_FAULTS_BYTES = 50_000  # of one error, encoded; longer lists are cut
MAX_NAME_CHARACTERS = 100
MAX_FAULT_CHARACTERS = 2_000

DEFAULTS = {
    400: ("bad_request", "Check the request against /docs."),
    401: ("unauthorized", "Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."),
    404: ("not_found", "See /docs for every path."),
    405: ("wrong_method", "See the header Allow, and /docs."),
    413: ("too_large", "Send less at once, in several requests."),
    421: ("wrong_host", "Use localhost or 127.0.0.1, or have the name added to the setting ALLOWED_HOSTS."),
    415: ("wrong_content_type", "Send the header Content-Type that /docs names for this path."),
    422: ("invalid_record", "Fix every fault below and send it again; /openapi.json has the schema."),
    500: ("internal", "Nothing was predicted. It is in the server's log; please report it."),
    503: ("unavailable", "Nothing was predicted. Send it again after the seconds in the header Retry-After."),
}
"""By status, the code and the remedy of an error that has none of its own."""
_UNKNOWN = ("error", "See /docs.")
_OF_A_TABLE = re.compile(r"(?<![\w/])/(?=(?:predict|labels|docs|openapi\.json)\b)")
"""The paths that each table has, where a remedy names them."""


@dataclass(eq=False)
class HttpError(Exception):
    """An error response; there are `more` faults than those that it holds. A remedy's paths come after `prefix`.

    `request_id` is that of the request, where there is one: by it the log is searched.
    """

    status: int
    message: str
    code: str = ""
    remedy: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: int = 0
    prefix: str = ""
    request_id: str = ""

    def detail(self) -> dict[str, Any]:
        """The error as it stands in a response."""
        faults = _listed(self.faults)
        return {
            "code": self.full_code,
            "message": self.message + _how_many(len(faults), len(self.faults) + self.more),
            "remedy": self._full_remedy,
            "faults": faults,
            **({"request_id": self.request_id} if self.request_id else {}),
        }

    @property
    def full_code(self) -> str:
        """The code of the error, by its status if it has none of its own."""
        return self.code or DEFAULTS.get(self.status, _UNKNOWN)[0]

    @property
    def _full_remedy(self) -> str:
        remedy = self.remedy or DEFAULTS.get(self.status, _UNKNOWN)[1]
        return _OF_A_TABLE.sub(f"{self.prefix}/", remedy) if self.prefix else remedy

    def response(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body of the response."""
        body = msgspec.json.encode({"error": self.detail()})
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body

    def as_http(self) -> bytes:
        """The whole response as it is sent, for a request that the application never sees; nothing follows it."""
        headers, body = self.response()
        lines = [f"HTTP/1.1 {self.status} {responses[self.status]}".encode(), b"connection: close"]
        return b"\r\n".join([*lines, *map(b": ".join, headers), b"", body])


def _fault(fault: Fault) -> dict[str, Any]:
    short = fault.shortened(MAX_FAULT_CHARACTERS)
    name = fault.shortened(MAX_NAME_CHARACTERS).field
    row = {} if fault.row is None else {"row": fault.row}
    return {**row, "field": name, "problem": short.problem, "given": short.given, "allowed": short.allowed}


def _listed(faults: Sequence[Fault]) -> list[msgspec.Raw]:
    listed, left_bytes = [], MAX_FAULTS_BYTES
    for fault in faults:
        encoded = msgspec.json.encode(_fault(fault))
        left_bytes -= len(encoded)
        if left_bytes < 0:
            break
        listed.append(msgspec.Raw(encoded))
    return listed


def _how_many(listed: int, faults: int) -> str:
    return f" ({faults:,} faults, of which the first {listed} are shown)" if faults > listed else ""
