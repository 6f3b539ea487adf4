"""Every refusal of the HTTP door: which status, which code, in one shape.

    {"error": {"code": "...", "message": "what happened", "remedy": "what to do next", "faults": [...]}}

`faults` names each faulty field with the problem, what was given and what is allowed; it is there for every error.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import responses
from typing import Any

import msgspec

from server.decoding.record import OtherContent
from server.decoding.wrappers import WrappedRecord
from tabular.data import sniffing
from tabular.encoding.row import NotJson
from tabular.errors import Fault, RecordTooLarge, Rejected, TabularError, Unavailable

log = logging.getLogger(__name__)

MAX_FAULTS_BYTES = 50_000  # of one error, encoded; longer lists are cut
MAX_NAME_CHARACTERS = 100
MAX_FAULT_CHARACTERS = 2_000

# status: (code, remedy); what the web framework refuses before or around our own code
_KNOWN = {
    400: ("bad_request", "Check the request against /docs."),
    401: ("unauthorized", "Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."),
    404: ("not_found", "See /docs for every path."),
    405: ("wrong_method", "See the header Allow, and /docs."),
    413: ("too_large", "Send less at once, in several requests."),
    421: ("wrong_host", "Ask by localhost or 127.0.0.1, or have the name added to the setting ALLOWED_HOSTS."),
    415: ("wrong_content_type", "Send the header Content-Type that /docs names for this path."),
    422: ("invalid_record", "Mend every fault below and send it again; /openapi.json has the schema."),
    500: ("internal", "Nothing was predicted. It is in the server's log; please report it."),
    503: ("unavailable", "Nothing was predicted. Send it again after the seconds in the header Retry-After."),
}


_UNKNOWN = ("error", "See /docs.")
AS_JSON = "Send JSON as RFC 8259 has it: UTF-8, no NaN, no Infinity, no trailing comma."
_REMEDIES = {
    sniffing.GZIP: "Send it with the header Content-Encoding: gzip, or as plain JSON.",
    sniffing.ZLIB: "Send it with the header Content-Encoding: deflate, or as plain JSON.",
    sniffing.UTF_16: "Send it in UTF-8.",
    sniffing.UTF_32: "Send it in UTF-8.",
    sniffing.OTHER_TEXT: "Send it in UTF-8.",
    sniffing.LINES: "Send one object to /predict, or all of them to /predict/batch as application/x-ndjson.",
    sniffing.CSV: "Send each row as a JSON object of its columns.",
    sniffing.FORM: "Send a JSON object with the header Content-Type: application/json.",
    sniffing.NOT_A_NUMBER: "Send null for what is not known; NaN and Infinity are not JSON.",
    sniffing.PYTHON: "Encode it with json.dumps: double quotes, null, true.",
}


def _remedy(error: NotJson) -> str:
    if not isinstance(error, OtherContent):
        return AS_JSON
    if error.name.startswith(sniffing.OF_BASE64):
        return "Decode it, and send the JSON that is inside; only a record of the stream is decoded for you."
    return _REMEDIES.get(error.name, "Send the features as JSON; /docs has an example.")


@dataclass(eq=False)
class Refusal(Exception):
    """An answer other than the one asked for; there are `more` faults than those that it holds."""

    status: int
    message: str
    code: str = ""
    remedy: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: int = 0

    def detail(self) -> dict[str, Any]:
        """The error as it stands in an answer."""
        faults = _listed(self.faults)
        return {
            "code": self.full_code,
            "message": self.message + _how_many(len(faults), len(self.faults) + self.more),
            "remedy": self.remedy or _KNOWN.get(self.status, _UNKNOWN)[1],
            "faults": faults,
        }

    @property
    def full_code(self) -> str:
        """The code of the error, by its status if it has none of its own."""
        return self.code or _KNOWN.get(self.status, _UNKNOWN)[0]

    def body(self) -> bytes:
        """The whole answer, encoded."""
        return msgspec.json.encode({"error": self.detail()})

    def message_parts(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body of the answer."""
        body = self.body()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body

    def as_http(self) -> bytes:
        """The whole answer as it is sent, for a request that the application never sees; nothing follows it."""
        headers, body = self.message_parts()
        lines = [f"HTTP/1.1 {self.status} {responses[self.status]}".encode(), b"connection: close"]
        return b"\r\n".join([*lines, *map(b": ".join, headers), b"", body])


def refused(error: Exception) -> Refusal:
    """Any error as a refusal; one that nobody foresaw is logged and answered 500.

    It comes without its traceback: that holds the frames it went through, they hold the body and, where the refusal is
    kept in one of them, each other, until the garbage collector comes by.
    """
    if isinstance(error, Refusal):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    if isinstance(error, TabularError):
        return refusal(error)
    log.error("a request failed in an unforeseen way", exc_info=error)
    return Refusal(500, "the server met an error it did not foresee")


def refusal(error: TabularError) -> Refusal:
    """The status of each error of ours."""
    if isinstance(error, Unavailable):
        seconds = max(math.ceil(error.retry_after_seconds), 1)
        return Refusal(503, str(error), headers={"Retry-After": str(seconds)})
    if isinstance(error, NotJson):
        return Refusal(400, error.message, "not_json", _remedy(error))
    if isinstance(error, RecordTooLarge):
        return Refusal(413, error.message, "record_too_large", "A record holds the features and nothing else.")
    if isinstance(error, WrappedRecord):
        many = f", or [{error.form}, …] to /predict/batch" if error.is_many else ""
        return Refusal(422, error.message, "wrapped_record", f"Send {error.form} to /predict{many}.", error.faults)
    if isinstance(error, Rejected):
        return Refusal(422, error.message, faults=error.faults, more=error.more)
    return Refusal(500, "the server met an error it did not foresee")


def _fault(fault: Fault) -> dict[str, Any]:
    short = fault.shortened(MAX_FAULT_CHARACTERS)
    name = fault.shortened(MAX_NAME_CHARACTERS).field
    return {"field": name, "problem": short.problem, "given": short.given, "allowed": short.allowed}


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
