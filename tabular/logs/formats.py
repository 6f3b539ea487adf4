"""A log record as a line: plain text for people, or one JSON object for a collector.

What a record is about goes beside its message, as `extra={"request_id": …}`, under the names of `ABOUT`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Form = Literal["text", "json"]

ABOUT = ("request_id", "table", "run_id", "prediction_id", "shard", "sequence_number")
"""What a line may be about; a collector finds it under the same names as the store and the responses have."""
_PREFECT_RUN = ("flow_run_id", "flow_run_name", "task_run_name")


class TextLines(logging.Formatter):
    """`2026-11-27T17:00:00.123Z WARNING server.api.app: message [request_id=…]`, and a traceback below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the base class's
        about = " ".join(f"{name}={value}" for name, value in _about(record).items())
        ending = f" [{about}]" if about else ""
        return f"{_time(record)} {record.levelname} {record.name}: {record.message}{ending}"


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, service, logger, message, what it is about, and error."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_about(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def formatter(form: Form, service: str) -> logging.Formatter:
    """The formatter of this form, for the lines of a service."""
    return JsonLines(service) if form == "json" else TextLines()


def _about(record: logging.LogRecord) -> dict[str, str]:
    found = ((name, getattr(record, name, None)) for name in (*ABOUT, *_PREFECT_RUN))
    return {name: str(value) for name, value in found if value not in (None, "")}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1_000:03}Z"
