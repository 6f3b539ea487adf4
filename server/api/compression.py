"""Compressed bodies, unpacked as far as a body may be long and no further."""

from __future__ import annotations

import zlib

from server.api.errors import Refusal
from tabular.data.sniffing import name_of

IDENTITY = "identity"
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What `Content-Encoding` may say, and what zlib calls it."""
MOST_MEMBERS = 1_000
"""Of a gzip file: each may be empty, and takes some time even so."""


def unpacked(body: bytes, coding: str, max_bytes: int) -> bytes:
    """The body as it was before it was compressed; raises Refusal for one that is longer, or that is damaged."""
    if coding == IDENTITY or not body:
        return body
    pieces, left_bytes = [], max_bytes
    try:
        for _ in range(MOST_MEMBERS):
            member = zlib.decompressobj(CODINGS[coding])
            piece = member.decompress(body, left_bytes + 1)
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise Refusal(413, f"the body is larger than {max_bytes:,} bytes once it is unpacked")
            pieces.append(piece)
            if not member.eof:
                raise _damaged(coding, "breaks off")
            body = member.unused_data.lstrip(b"\0")
            if not body:
                return b"".join(pieces)
    except zlib.error as error:
        named = name_of(body) if not pieces else None
        raise _damaged(coding, f"is {named}" if named else f"is not {coding} ({error})") from error
    raise Refusal(413, f"the body has more than {MOST_MEMBERS:,} parts that are compressed by themselves")


def _damaged(coding: str, what: str) -> Refusal:
    return Refusal(
        400,
        f"the body {what}, and the header Content-Encoding says {coding}",
        "not_compressed",
        "Compress the whole body, or leave the header out.",
    )
