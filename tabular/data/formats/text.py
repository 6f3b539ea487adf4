"""From bytes to text: the encoding that the contract names, or the one that the bytes show without doubt."""

from __future__ import annotations

import codecs

from tabular.data import sniffing
from tabular.errors import InvalidTable

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
MARK = "\ufeff"
NAME_IT = "name its encoding in the contract's [source]"
REMEDY = {
    sniffing.OTHER_TEXT: f'Save it as UTF-8, or {NAME_IT}, such as encoding = "cp1252"',
    sniffing.UTF_16: f'Save it as UTF-8, or {NAME_IT}: encoding = "utf-16-le" or "utf-16-be"',
    sniffing.UTF_32: f'Save it as UTF-8, or {NAME_IT}: encoding = "utf-32"',
}


def decoded(body: bytes, named: str | None) -> tuple[str, str]:
    """The text and its encoding, without a byte order mark; raises InvalidTable.

    Without a name it is UTF-8, or UTF-16 if the bytes begin with the mark of it. A text that is not in the encoding
    named is an error, and so is one in UTF-8 that is said to be in an encoding of single bytes, which would read it as
    other characters without a word.
    """
    if named is not None:
        return _as_named(body, named)
    if body.startswith(UTF_16_MARKS) and not body.startswith(UTF_32_MARKS):
        return _strictly(body, "utf-16"), "utf-16"
    name = sniffing.name_of(body[: sniffing.SNIFFED_BYTES]) if b"\0" in body[:4] else None
    try:
        if name is None:
            return body.decode("utf-8-sig"), "utf-8"
        why = f"it is {name}"
    except UnicodeDecodeError as error:
        name = sniffing.name_of(body)
        why = f"it is {name}" if name not in (None, sniffing.BINARY, sniffing.OTHER_TEXT) else str(error)
    remedy = REMEDY.get(name or "", "Save or export the table as CSV in UTF-8 or as Parquet, and check the upload")
    raise InvalidTable(f"the file is not text in UTF-8: {why}. {remedy}")


def _as_named(body: bytes, named: str) -> tuple[str, str]:
    encoding = codecs.lookup(named).name
    text = _strictly(body, "utf-8-sig" if encoding == "utf-8" else encoding).removeprefix(MARK)
    if len(text) == len(body) and encoding != "utf-8" and not body.isascii() and _is_utf_8(body):
        raise InvalidTable(
            f"the file is in UTF-8, and the contract's [source] says encoding = {named!r}, which would read other "
            "characters. Leave encoding out"
        )
    return text, encoding


def _strictly(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidTable(
            f"the file is not text in {encoding.removesuffix('-sig')}: {error}. Check encoding in the contract's "
            "[source], and whether the file was cut"
        ) from error


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
