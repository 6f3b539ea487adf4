"""Content sniffing: what bytes are, by what they begin with, for errors that name it instead of a first wrong byte.

Nothing is unpacked but a few bytes, and no more than the first `SNIFFED_BYTES` are read, whatever the rest is.
"""

from __future__ import annotations

import base64
import json
import re
import zlib

SNIFFED_BYTES = 32_768
BOM = b"\xef\xbb\xbf"

MARKED = "text with a UTF-8 byte order mark"
GZIP, ZLIB = "gzip-compressed data", "zlib-compressed data (deflate)"
KPL = "an aggregate of the Kinesis Producer Library (KPL)"
ZIP, EXCEL, PARQUET, AVRO = "a zip archive", "an Excel workbook", "a Parquet file", "an Avro file"
UTF_16, UTF_32, OTHER_TEXT = "text in UTF-16", "text in UTF-32", "text that is not UTF-8"
BINARY = "binary data"
HTML, XML, FORM, MULTIPART = "an HTML page", "XML", "form data", "a multipart form"
CSV = "CSV"
OBJECT, ARRAY, LINES = "a JSON object", "a JSON array", "several JSON objects"
NOT_A_NUMBER = "text with NaN or Infinity in it"
PYTHON = "an object as Python prints it (single quotes, None, True)"
OF_BASE64, OF_STRING = "base64 of ", "a JSON string that holds "
JSON_KINDS = frozenset({OBJECT, ARRAY})
"""What a reader of JSON knows without it."""

_MAGIC = {
    b"\x1f\x8b": GZIP,
    b"\xf3\x89\x9a\xc2": KPL,
    b"PAR1": PARQUET,
    b"Obj\x01": AVRO,
    b"ORC\x00": "an ORC file",
    b"ORC\x08": "an ORC file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file",
    b"\xff\xff\xff\xff": "an Arrow stream",
    b"BZh": "bzip2-compressed data",
    b"\xfd7zXZ\x00": "xz-compressed data",
    b"\x28\xb5\x2f\xfd": "zstd-compressed data",
    b"\x04\x22\x4d\x18": "lz4-compressed data",
    b"\xff\x06\x00\x00sNaPpY": "snappy-compressed data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": EXCEL,
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3\x00": "an SQLite file",
    b"%PDF-": "a PDF file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x93NUMPY": "a NumPy file",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"\x16\x03": "the beginning of a TLS connection",
}
_WIDE_MARKS = {
    "utf-32-le": b"\xff\xfe\x00\x00",
    "utf-32-be": b"\x00\x00\xfe\xff",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}|[A-Za-z0-9_-]+={0,2}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LONG_BASE64 = 200  # so long a word is no text, whatever it is base64 of
_FORM = re.compile(r"[\w.%+\[\]-]+=[^\s&]*(&[\w.%+\[\]-]+=[^\s&]*)*")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PYTHON = re.compile(r"^[\[{\s]+'|[:,\[]\s*(?:None|True|False)\s*[,}\]]")
_SAMPLE = 2_000
_DEEPEST = 3
_FAULT = "no constant of JSON"


def name_of(body: bytes) -> str | None:
    """What the bytes are, as words that fit behind "it is"; None if nothing is recognised, or they are broken JSON.

    The beginning of a file is enough. JSON that is whole has a name too, see `JSON_KINDS`.
    """
    return _name(body[:SNIFFED_BYTES], is_cut=len(body) > SNIFFED_BYTES, depth=0)


def binary_name_of(body: bytes) -> str | None:
    """What the bytes are if they are no text in UTF-8, by their first bytes; None if they may be."""
    return _binary(body[:SNIFFED_BYTES])


def without_mark(body: bytes) -> bytes:
    """The text without a UTF-8 byte order mark, as RFC 8259 (8.1) lets a reader of JSON do; the same bytes if none."""
    return body[len(BOM) :] if body.startswith(BOM) else body


def from_base64(body: bytes) -> bytes | None:
    """What all of the body is base64 of, in one line or many, of either alphabet; None if it is none."""
    packed = b"".join(body.split())
    if not packed or not _BASE64.fullmatch(packed):
        return None
    unpadded = packed.rstrip(b"=").translate(_STANDARD)
    try:
        return base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), validate=True)
    except ValueError:
        return None


def _name(data: bytes, *, is_cut: bool, depth: int) -> str | None:
    if data.startswith(BOM):
        inner = _name(data[len(BOM) :], is_cut=is_cut, depth=depth)
        return MARKED if inner is None or inner in JSON_KINDS else inner
    if not data.strip():
        return None
    return _binary(data) or _text(data, is_cut=is_cut, depth=depth)


def _binary(data: bytes) -> str | None:
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return EXCEL if b"xl/" in data or b"[Content_Types].xml" in data else ZIP
    for encoding, mark in _WIDE_MARKS.items():  # those of UTF-32 before those of UTF-16, which begin them
        if data.startswith(mark):
            return UTF_32 if "32" in encoding else UTF_16
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return name
    if _is_zlib(data):
        return ZLIB
    if 0 in data[:4]:
        return next((UTF_32 if "32" in each else UTF_16 for each in _WIDE_MARKS if _is_plain_in(each, data)), None)
    return None


def _is_plain_in(encoding: str, data: bytes) -> bool:
    text = data[: min(len(data), 1_024) // 4 * 4].decode(encoding, errors="replace")
    return 2 * sum(map(str.isascii, text)) > len(text) and not _CONTROLS.search(text.encode(errors="replace"))


def _is_zlib(data: bytes) -> bool:
    if len(data) < 8 or data[0] & 0x0F != 8 or data[0] >> 4 > 7 or int.from_bytes(data[:2]) % 31:
        return False
    try:
        zlib.decompressobj().decompress(data, 64)
    except zlib.error:
        return False
    return True


def _text(data: bytes, *, is_cut: bool, depth: int) -> str | None:
    try:
        text = data.decode().strip()
    except UnicodeDecodeError as error:
        if not is_cut or error.start < len(data) - 3:  # the end may be in the middle of a character
            return _no_text(data)
        text = data[: error.start].decode().strip()
    if text[:1] in {"{", "[", '"'}:
        return _json(text, is_cut=is_cut, depth=depth)
    if text.startswith("<"):
        begins_html = text[:15].lower().startswith(("<!doctype html", "<html"))
        return HTML if begins_html else XML
    if text.startswith("--") and "content-disposition" in text[:1_000].lower():
        return MULTIPART
    return _base64_of(data, is_cut=is_cut, depth=depth) or _table_or_form(text)


def _no_text(data: bytes) -> str | None:
    if len(_CONTROLS.findall(data)) > len(data) // 50:
        return BINARY
    return OTHER_TEXT


def _json(text: str, *, is_cut: bool, depth: int) -> str | None:
    found, rest = 0, text
    try:
        while rest and found < 2:
            value, end = _STRICT.raw_decode(rest)
            if not isinstance(value, dict) and (found or rest[end:].strip()):
                return None
            rest, found = rest[end:].lstrip().removeprefix(",").lstrip(), found + 1
    except (ValueError, RecursionError) as error:
        if found:  # what follows the first is broken, or its end is cut off
            return LINES if rest.startswith("{") else None
        return _no_json(text, error, is_cut=is_cut)
    if isinstance(value, str):
        inner = _name(value.encode(errors="replace"), is_cut=False, depth=depth + 1) if depth < _DEEPEST else None
        return OF_STRING + inner if inner else None
    if found > 1:
        return LINES
    return OBJECT if isinstance(value, dict) else ARRAY if isinstance(value, list) else None


def _no_json(text: str, error: Exception, *, is_cut: bool) -> str | None:
    if _FAULT in str(error):
        return NOT_A_NUMBER
    if _PYTHON.search(text[:_SAMPLE]):
        return PYTHON
    return {"{": OBJECT, "[": ARRAY}.get(text[0]) if is_cut else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is {_FAULT}")


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, strict=False)


def _base64_of(data: bytes, *, is_cut: bool, depth: int) -> str | None:
    packed = data[: len(data) // 4 * 4] if is_cut else data
    decoded = from_base64(packed) if depth < _DEEPEST else None
    if not decoded:
        return None
    inner = _name(decoded, is_cut=is_cut, depth=depth + 1)
    if inner not in {None, BINARY, OTHER_TEXT, CSV, FORM}:
        return f"{OF_BASE64}{inner}"
    return f"{OF_BASE64}{inner or 'text'}" if len(packed) >= _LONG_BASE64 else None


def _table_or_form(text: str) -> str | None:
    if _FORM.fullmatch(text):
        return FORM
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    if len(lines) > 1:
        for delimiter in ",;\t|":
            widths = {line.count(delimiter) for line in lines[:-1]}
            if len(widths) == 1 and widths != {0} and delimiter in lines[-1]:
                return CSV
    return None
