"""The text of a CSV in pieces of whole records, each read when it is asked for.

Arrow's own reading of a stream reads 32 blocks ahead of who takes the rows, whatever their size: 500 MB of a file that
is read faster than it is scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

QUOTE = b'"'


class LongRecordError(Exception):
    """A record is longer than a reader of pieces takes."""


def csv_pieces(path: Path, start: int, piece_bytes: int, most_bytes: int, *, has_quotes: bool) -> Iterator[bytes]:
    """The text from the byte `start` on, about `piece_bytes` at a time and always cut at the same places.

    No record is cut: with quotes (`Quotes.USUAL`) a line end within a cell ends none. Raises LongRecordError before the
    first piece in which a record may have more than `most_bytes`, and OSError.
    """
    rest = b""
    with path.open("rb") as file:
        file.seek(start)
        while read := file.read(piece_bytes):
            text = rest + read
            end = _end_of_records(text, has_quotes=has_quotes)
            if end:
                yield text[:end]
            rest = text[end:]
            if len(rest) > most_bytes:
                raise LongRecordError
    if rest:
        yield rest


def _end_of_records(text: bytes, *, has_quotes: bool) -> int:
    """Where the last record of a text ends that is whole; 0 if none is. The text begins with a record."""
    end = _line_end(text, len(text))
    if not has_quotes:
        return end
    # As many quotes open as close before the end of a record.
    quotes = text.count(QUOTE, 0, end)
    while end and quotes % 2:
        earlier = _line_end(text, end - 1)
        quotes -= text.count(QUOTE, earlier, end)
        end = earlier
    return end


def _line_end(text: bytes, before: int) -> int:
    """The place behind the last line end before this one; 0 if there is none."""
    after_feed = text.rfind(b"\n", 0, before) + 1
    return text.rfind(b"\r", after_feed, before) + 1 or after_feed
