"""What a request may say beside its body, as OpenAPI describes it."""

from __future__ import annotations

from typing import Any

from server.api.access.request_id import MAX_CHARACTERS
from server.scoring.explanations import MAX_EXPLAINED_ROWS

Document = dict[str, Any]


def idempotency_key(named: str) -> Document:
    """The header that makes a retry the same request; `named` is what it names."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": f"Names {named}: for a day the same request gets the same response, another one 422.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    }


def request_id() -> Document:
    """The header by which a request is found again."""
    return {
        "name": "X-Request-Id",
        "in": "header",
        "required": False,
        "description": "An id of your own for this request: it comes back in the header of the response, and is in the "
        f"logs and with what is stored. It is replaced where it has over {MAX_CHARACTERS} characters, "
        "or others than letters, digits and ._:/+=@-",
        "schema": {"type": "string"},
    }


def explain() -> Document:
    """The query that asks for contributions."""
    return {
        "name": "explain",
        "in": "query",
        "required": False,
        "description": "1 adds to each prediction what every feature contributed to it (at most "
        f"{MAX_EXPLAINED_ROWS:,} rows): base and contributions sum to the log-odds, the value, or the margin of the "
        "most likely class. It takes longer than a score, and is not stored.",
        "schema": {"type": "string", "enum": ["0", "1", "true", "false"], "default": "0"},
    }
