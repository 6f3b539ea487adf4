"""The id by which a request is found again: in its response, in the logs, and with what is stored of it."""

from __future__ import annotations

import re
from typing import NamedTuple

from tabular.predictions.prediction import new_id

HEADER = b"x-request-id"
MAX_CHARACTERS = 128
_USABLE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")  # nothing that a log line or a query would have to escape


class RequestId(NamedTuple):
    """An id; `is_ours` if it was made here, and is no other request's."""

    value: str
    is_ours: bool

    def of_prediction(self) -> str:
        """An id for the prediction of the request: the same if it is ours, so that nothing more has to be stored."""
        return self.value if self.is_ours else new_id()

    def beside(self, prediction_id: str) -> str | None:
        """What is stored beside the prediction's id: nothing if it is the same."""
        return None if self.value == prediction_id else self.value


def request_id(given: bytes | None = None) -> RequestId:
    """What the client sent as `X-Request-Id`, if that can be used as one, or else an id of our own.

    No request is rejected for it: a proxy may have added it, and the response says which id holds.
    """
    if given is not None and _USABLE.fullmatch(given):
        return RequestId(given.decode(), is_ours=False)
    return RequestId(new_id(), is_ours=True)
