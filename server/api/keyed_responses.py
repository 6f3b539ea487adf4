"""Responses to requests that named themselves by an Idempotency-Key: kept with what they wrote, given again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.connections.errors import HttpError
from server.outbox.idempotency import KeptResponse
from server.outbox.queue import Outbox
from tabular.errors import Fault
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.label import LabelBatch


def write_batches(
    outbox: Outbox,
    batches: Sequence[PredictionBatch | LabelBatch],
    asked: KeptResponse | None,
    response: bytes,
) -> KeptResponse | None:
    """Write the batches, and the response beside them if the request has a key; an empty request writes nothing.

    Returns the response that stands instead, if the key was given one meanwhile: then nothing was written. Raises
    HttpError if that one was to another request, and Unavailable.
    """
    if not batches:
        return None
    if asked is None:
        outbox.append(*batches)
        return None
    kept = replace(asked, body=response)
    standing = outbox.append_batch(batches, kept)
    return None if standing is kept else replayed(standing, kept)


def replayed(earlier: KeptResponse, asked: KeptResponse) -> KeptResponse:
    """The earlier response to the same request; raises HttpError for another request under the same key."""
    if earlier.digest == asked.digest:
        return earlier
    fault = Fault("Idempotency-Key", "was used with another body or media type here", "the same request, or a new key")
    raise HttpError(
        422,
        "this Idempotency-Key has been used for another request, so nothing was done for this one",
        "idempotency_key_reused",
        "Choose a new key for each new request; to repeat a request, send the same bytes with its key.",
        [fault],
    )
