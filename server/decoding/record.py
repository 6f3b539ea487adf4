"""One record as either endpoint reads it: by the contract's codec, and at no more cost than a record may have.

A large record may hold tens of thousands of names, or nested values. To decode all of them would hold the interpreter
for 20 ms; only those that a fault can name are kept and decoded. What is no record at all is named by what it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from server.decoding.pieces import NotThisKind, pieces_of_object
from server.decoding.wrappers import wrapped
from tabular.data.sniffing import BOM, JSON_KINDS, MARKED, NOT_A_NUMBER, PYTHON, name_of, without_mark
from tabular.encoding.row import MAX_FAULTS, MAX_RECORD_BYTES, NotJson, Row, RowCodec, parse_json
from tabular.errors import InvalidRow
from tabular.model.bundle import Bundle

LARGE_BYTES = 16_384
MAX_NESTED_BYTES = 4_096
SHOWN_BYTES = 80
_REMEDIES = {
    NOT_A_NUMBER: "Write null for what is not known; NaN and Infinity are not JSON.",
    PYTHON: "Encode it with json.dumps: double quotes, null, true.",
}


class OtherContent(NotJson):
    """The bytes are something else than JSON, as `name` says; `remedy` is empty where it depends on the endpoint."""

    def __init__(self, name: str) -> None:
        super().__init__(f"this is {name}, not JSON")
        self.name = name
        self.remedy = _REMEDIES.get(name, "")


def read_record(bundle: Bundle, body: bytes | msgspec.Raw) -> Row:
    """The row of one JSON object under the bundle's contract, a byte order mark before it or not.

    Raises what `RowCodec.decode` raises, OtherContent where the bytes have a name, and WrappedRecord where the features
    stand inside something else.
    """
    try:
        return _read(bundle, body)
    except NotJson as error:
        text = bytes(body)
        if text.startswith(BOM):
            return read_record(bundle, without_mark(text))
        raise explained(text, error) from error
    except InvalidRow as error:
        raise wrapped(bytes(body), bundle.contract.example) or error from None


def explained(body: bytes, error: NotJson) -> NotJson:
    """The same error, or one that names what the body is instead of JSON."""
    name = name_of(body)
    return error if name is None or name == MARKED or name in JSON_KINDS else OtherContent(name)


def _read(bundle: Bundle, body: bytes | msgspec.Raw) -> Row:
    codec, known = bundle.codec, bundle.codec.fields
    if not LARGE_BYTES < len(body) <= MAX_RECORD_BYTES:
        return codec.decode(body)
    record: dict[str, Any] = {}
    unnamed = 0
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
