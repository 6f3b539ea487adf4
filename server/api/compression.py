"""Compressed bodies, unpacked as far as a body may be long and no further."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from server.api.access.request_id import RequestId
from server.connections.errors import HttpError
from tabular.data.sniffing import name_of

IDENTITY = "identity"
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What `Content-Encoding` may say, and what zlib calls it."""
MAX_MEMBERS = 1_000
"""Of a gzip file: each may be empty, and takes some time even so."""


class Body(NamedTuple):
    """A body as it was sent, how it is compressed, how long it may be once unpacked, and whose it is."""

    sent: bytes
    coding: str
    max_bytes: int
    request_id: RequestId

    def unpacked(self) -> bytes:
        """The body as it was before it was compressed; raises HttpError for one that is longer, or damaged."""
        body, coding = self.sent, self.coding
        if coding == IDENTITY or not body:
            return body
        pieces, left_bytes = [], self.max_bytes
        try:
            for _ in range(MAX_MEMBERS):
                member = zlib.decompressobj(CODINGS[coding])
                piece = member.decompress(body, left_bytes + 1)
                left_bytes -= len(piece)
                if left_bytes < 0:
                    raise HttpError(413, f"the body is larger than {self.max_bytes:,} bytes once it is unpacked")
                pieces.append(piece)
                if not member.eof:
                    raise _damaged(coding, "breaks off")
                body = member.unused_data.lstrip(b"\0")
                if not body:
                    return b"".join(pieces)
        except zlib.error as error:
            named = name_of(body) if not pieces else None
            raise _damaged(coding, f"is {named}" if named else f"is not {coding} ({error})") from error
        raise HttpError(413, f"the body has more than {MAX_MEMBERS:,} parts that are compressed by themselves")


def _damaged(coding: str, what: str) -> HttpError:
    return HttpError(
        400,
        f"the body {what}, and the header Content-Encoding says {coding}",
        "not_compressed",
        "Compress the whole body, or leave the header out.",
    )
