"""One record as either endpoint reads it: by the contract's codec, and at no more cost than a record may have.

A large record may hold tens of thousands of names, or nested values. To decode all of them would hold the interpreter
for 20 ms; only those that a fault can name are kept and decoded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from server.pieces import NotThisKind, pieces_of_object
from tabular.bundle import Bundle
from tabular.errors import InvalidRow
from tabular.row import MAX_FAULTS, MAX_RECORD_BYTES, Row, RowCodec, parse_json

LARGE_BYTES = 16_384
MAX_NESTED_BYTES = 4_096
SHOWN_BYTES = 80


def read_record(bundle: Bundle, body: bytes | msgspec.Raw) -> Row:
    """The row of one JSON object, under the bundle's contract. Raises what `RowCodec.decode` raises."""
    codec, names = bundle.codec, bundle.contract.feature_names
    if not LARGE_BYTES < len(body) <= MAX_RECORD_BYTES:
        return codec.decode(body)
    record: dict[str, Any] = {}
    unnamed, known = 0, frozenset(names)
    try:
        for fields in pieces_of_object(bytes(body)):
            for name, value in fields.items():
                if name in known or len(record) < len(known) + MAX_FAULTS:
                    record[name] = _value(value)
                else:
                    unnamed += 1
        return _parsed(codec, record, unnamed)
    except NotThisKind:
        return codec.parse(_value(body))


def _parsed(codec: RowCodec, record: dict[str, Any], unnamed: int) -> Row:
    """The row, of which so many unknown fields are not in the record, because no fault would name them."""
    try:
        return codec.parse(record)
    except InvalidRow as error:
        raise InvalidRow(error.message, error.faults, error.more + unnamed) from error


def _value(raw: bytes | msgspec.Raw) -> object:
    text = bytes(raw)
    if len(text) > MAX_NESTED_BYTES and text.lstrip()[:1] in {b"[", b"{"}:  # no feature's value: for a fault to show
        return [text.lstrip()[:SHOWN_BYTES].decode(errors="replace")]
    return parse_json(text)
