"""A long body cut into pieces: each is decoded by one call, for which the event loop has to wait.

Decoding holds the interpreter from its first byte to its last: five megabytes of `{},{},…` did so for 160 ms, and one
object of 70,000 names for 20.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sized
from functools import cache
from typing import Any, TypeVar

import msgspec

from tabular.encoding.row import MAX_RECORD_BYTES, UNREADABLE, NotJson

PIECE_BYTES = 131_072
Elements = list[msgspec.Raw]
Piece = TypeVar("Piece", bound=Sized)
Rows = TypeVar("Rows", bound=Sized)

_ELEMENTS = msgspec.json.Decoder(Elements)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_AFTER_OBJECT = re.compile(rb"\}\s*,")
_BEFORE_NAME = re.compile(rb",(?=\s*\")")
_POSITION = re.compile(r"\(byte (\d+)\)")


class NotThisKind(Exception):
    """It is JSON, but no array, or no object."""


class TooManyElements(Exception):
    """It has more elements than are allowed."""


def pieces_of_array(body: bytes, read: Callable[[bytes], Rows | None], most: int) -> Iterator[Rows | Elements]:
    """The array's elements in order, some at a time: what `read` makes of an array of these, or each by itself.

    Raises NotThisKind, NotJson, also after the first pieces, and TooManyElements, at the latest beyond `most`.
    """

    def decoded(array: bytes) -> Rows | Elements:
        if len(array) > 2 * MAX_RECORD_BYTES:  # one very long row, or somebody's art
            return _limited(array, most)
        return read(array) or _ELEMENTS.decode(array)

    return _pieces(body, b"[]", _AFTER_OBJECT, decoded)


def pieces_of_object(body: bytes) -> Iterator[dict[str, msgspec.Raw]]:
    """The names of an object, some at a time, each with its value's bytes; raises NotThisKind and NotJson."""
    return _pieces(body, b"{}", _BEFORE_NAME, _FIELDS.decode)


def pieces_of_lines(body: bytes) -> Iterator[list[bytes]]:
    """The lines of a body but for the blank ones, some at a time."""
    at = 0
    while at < len(body):
        end = body.find(b"\n", at + PIECE_BYTES) + 1 or len(body)
        if lines := [line for line in body[at:end].split(b"\n") if line and not line.isspace()]:
            yield lines
        at = end


def _pieces(
    body: bytes, brackets: bytes, boundary: re.Pattern[bytes], read: Callable[[bytes], Piece]
) -> Iterator[Piece]:
    """What `read` makes of each piece, in brackets of its own.

    A cut is a guess, which JSON itself proves: if the bytes from one element on are whole once they stand in brackets,
    they end where an element ends. If they are not, a piece twice as long is tried, and at last all the rest.
    """
    opening, closing = brackets[:1], brackets[1:]
    first = at = _first_element(body, opening)
    size_bytes = PIECE_BYTES
    while True:
        end = _cut(body, at, size_bytes, boundary) if size_bytes <= MAX_RECORD_BYTES else len(body)
        is_rest = end == len(body)
        try:
            piece = read(opening + body[at:] if is_rest else b"%b%b%b" % (opening, body[at:end], closing))
        except UNREADABLE as error:
            if is_rest:
                raise _not_json(str(error), at - 1) from error
            size_bytes *= 2
            continue
        if not piece and not (at == first and is_rest):
            raise _not_json("a comma has no element before or behind it (byte 0)", at - 1)
        yield piece
        if is_rest:
            return
        at, size_bytes = end + 1, PIECE_BYTES


def _first_element(body: bytes, opening: bytes) -> int:
    start = len(body) - len(body.lstrip())
    if body[start : start + 1] == opening:
        return start + 1
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except UNREADABLE as error:
        raise _not_json(str(error), 0) from error
    raise NotThisKind


def _cut(body: bytes, at: int, size_bytes: int, boundary: re.Pattern[bytes]) -> int:
    """The position of a comma that probably stands between two elements, or the body's end."""
    begin = at + size_bytes
    if begin >= len(body):
        return len(body)
    if found := boundary.search(body, begin, begin + size_bytes):
        return body.index(b",", found.start())
    comma = body.find(b",", begin)
    return len(body) if comma < 0 else comma


def _limited(array: bytes, most: int) -> Elements:
    """The elements of an array of any length: at most one more than `most` are made before it is given up."""
    try:
        rows = msgspec.structs.astuple(_few(most + 1).decode(array))
    except msgspec.ValidationError as error:
        raise TooManyElements from error
    return [row for row in rows if row is not _NO_ROW]


_NO_ROW = msgspec.Raw()


@cache
def _few(count: int) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any, Any]] = [(f"row{at}", msgspec.Raw, _NO_ROW) for at in range(count)]
    return msgspec.json.Decoder(msgspec.defstruct("Few", fields, array_like=True, forbid_unknown_fields=True))


def _not_json(message: str, by: int) -> NotJson:
    where = _POSITION.sub(lambda found: f"(byte {int(found[1]) + by})", message)
    return NotJson(f"this is not JSON: {where}")
