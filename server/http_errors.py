"""Every refusal of the HTTP door: which status, which code, in one shape.

    {"error": {"code": "...", "message": "what happened", "remedy": "what to do next", "faults": [...]}}

`faults` names each faulty field with the problem, what was given and what is allowed; it is there for every error.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tabular.errors import Fault, Rejected, TabularError, Unavailable
from tabular.row import NotJson

log = logging.getLogger(__name__)

MAX_FAULTS = 1_000
MAX_NAME_CHARACTERS = 100

# status: (code, remedy); what the web framework refuses before or around our own code
_KNOWN = {
    400: ("bad_request", "Check the request against /docs."),
    401: ("unauthorized", "Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."),
    404: ("not_found", "See /docs for every path."),
    405: ("wrong_method", "See the header Allow, and /docs."),
    413: ("too_large", "Send less at once, in several requests."),
    415: ("wrong_content_type", "Send the header Content-Type that /docs names for this path."),
    422: ("invalid_record", "Mend every fault below and send it again; /openapi.json has the schema."),
    500: ("internal", "Nothing was predicted. It is in the server's log; please report it."),
    503: ("unavailable", "Nothing was predicted. Send it again after the seconds in the header Retry-After."),
}


@dataclass(eq=False)
class Refusal(Exception):
    """An answer other than the one asked for."""

    status: int
    message: str
    code: str = ""
    remedy: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def detail(self) -> dict[str, Any]:
        """The error as it stands in an answer."""
        code, remedy = _KNOWN.get(self.status, ("error", "See /docs."))
        faults = [_fault(fault) for fault in self.faults[:MAX_FAULTS]]
        return {
            "code": self.code or code,
            "message": self.message + _more(self.faults),
            "remedy": self.remedy or remedy,
            "faults": faults,
        }

    def body(self) -> bytes:
        """The whole answer, encoded."""
        return msgspec.json.encode({"error": self.detail()})


def refused(error: Exception) -> Refusal:
    """Any error as a refusal; one that nobody foresaw is logged and answered 500."""
    if isinstance(error, Refusal):
        return error
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
        remedy = "Send JSON as RFC 8259 has it: UTF-8, no NaN, no Infinity, no trailing comma."
        return Refusal(400, error.message, "not_json", remedy)
    if isinstance(error, Rejected):
        return Refusal(422, error.message, faults=error.faults)
    return Refusal(500, "the server met an error it did not foresee")


def _fault(fault: Fault) -> dict[str, Any]:
    name = fault.field
    if len(name) > MAX_NAME_CHARACTERS:
        name = name[:MAX_NAME_CHARACTERS] + "…"
    return {"field": name, "problem": fault.problem, "given": fault.given, "allowed": fault.allowed}


def _more(faults: Sequence[Fault]) -> str:
    return f" ({len(faults)} faults, of which the first {MAX_FAULTS} are shown)" if len(faults) > MAX_FAULTS else ""
