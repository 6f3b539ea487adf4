"""The one place that turns an error into a response: its status, its code and its remedy."""

from __future__ import annotations

import logging
import math

from server.connections.errors import HttpError
from server.decoding.record import OtherContent
from server.decoding.wrappers import WrappedRecord
from tabular.data import sniffing
from tabular.encoding.row import NotJson
from tabular.errors import RecordTooLarge, Rejected, Unavailable

log = logging.getLogger(__name__)

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
}


def http_error(error: Exception, request_id: str = "") -> HttpError:
    """Any error as an error response; one that nobody foresaw is logged and becomes 500.

    It comes without its traceback: that holds the frames it went through, they hold the body and, where the error is
    kept in one of them, each other, until the garbage collector comes by.
    """
    if isinstance(error, HttpError):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    if isinstance(error, Unavailable):
        seconds = max(math.ceil(error.retry_after_seconds), 1)
        return HttpError(503, str(error), headers={"Retry-After": str(seconds)})
    if isinstance(error, Rejected):
        return _rejected(error)
    log.error("a request failed in an unforeseen way", exc_info=error, extra={"request_id": request_id})
    return HttpError(500, "the server met an error it did not foresee")


def _rejected(error: Rejected) -> HttpError:
    if isinstance(error, NotJson):
        return HttpError(400, error.message, "not_json", _remedy(error))
    if isinstance(error, RecordTooLarge):
        return HttpError(413, error.message, "record_too_large", "A record holds the features and nothing else.")
    if isinstance(error, WrappedRecord):
        many = f", or [{error.form}, …] to /predict/batch" if error.is_many else ""
        return HttpError(422, error.message, "wrapped_record", f"Send {error.form} to /predict{many}.", error.faults)
    return HttpError(422, error.message, faults=error.faults, more=error.more)


def _remedy(error: NotJson) -> str:
    if not isinstance(error, OtherContent):
        return AS_JSON
    if error.name.startswith(sniffing.OF_BASE64):
        return "Decode it, and send the JSON that is inside; only a record of the stream is decoded for you."
    return error.remedy or _REMEDIES.get(error.name, "Send the features as JSON; /docs has an example.")
