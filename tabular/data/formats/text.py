"""From bytes to text: the encoding that the contract names, or the one that the bytes show without doubt."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

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


def encoding_of(beginning: bytes, named: str | None) -> str:
    """The encoding of a text: the one that is named, UTF-16 if the bytes begin with the mark of it, or else UTF-8."""
    if named is not None:
        return codecs.lookup(named).name
    has_mark = beginning.startswith(UTF_16_MARKS) and not beginning.startswith(UTF_32_MARKS)
    return "utf-16" if has_mark else "utf-8"


def beginning_of(beginning: bytes, encoding: str) -> str:
    """The text of the first bytes of a file, of which the last may be cut off, with U+FFFD for what is none.

    Raises InvalidTable for UTF-16 and UTF-32 without the mark that says the order of bytes.
    """
    try:
        return codecs.getincrementaldecoder(encoding)("replace").decode(beginning).removeprefix(MARK)
    except UnicodeError as error:
        raise _not_in(encoding, error) from error


def decoded(body: bytes, named: str | None) -> tuple[str, str]:
    """The text and its encoding (`encoding_of`), without a byte order mark; raises InvalidTable.

    A text that is not in the encoding named is an error, and so is one in UTF-8 that is said to be in an encoding of
    single bytes, which would read it as other characters without a word.
    """
    encoding = encoding_of(body, named)
    if named is not None or encoding != "utf-8":
        return "".join(decoded_chunks([body], encoding)), encoding
    name = what_is_no_text(body)
    try:
        if name is None:
            return body.decode("utf-8-sig"), "utf-8"
        why = f"it is {name}"
    except UnicodeDecodeError as error:
        name = sniffing.name_of(body)
        why = f"it is {name}" if name not in (None, sniffing.BINARY, sniffing.OTHER_TEXT) else str(error)
    raise no_utf_8(name, why)


def what_is_no_text(beginning: bytes) -> str | None:
    """What the file is, as words that fit behind "it is", if zeros among its first bytes show that it is not UTF-8."""
    return sniffing.name_of(beginning[: sniffing.SNIFFED_BYTES]) if b"\0" in beginning[:4] else None


def no_utf_8(name: str | None, why: str) -> InvalidTable:
    """The error about a file that is not text in UTF-8, which may have the name of something else."""
    remedy = REMEDY.get(name or "", "Save or export the table as CSV in UTF-8 or as Parquet, and check the upload")
    return InvalidTable(f"the file is not text in UTF-8: {why}. {remedy}")


def decoded_chunks(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text piece by piece, without a byte order mark; raises InvalidTable where, and as soon as, it is not one."""
    decoder, is_first = codecs.getincrementaldecoder(encoding)(), True
    is_utf_8 = _Utf8()
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            is_utf_8.add(chunk, text)
            yield text.removeprefix(MARK) if is_first else text
            is_first = is_first and not text
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise _not_in(encoding, error) from error
    if encoding != "utf-8" and is_utf_8.is_sure:
        raise InvalidTable(
            f"the file is in UTF-8, and the contract's [source] says encoding = {encoding!r}, which would read other "
            "characters. Leave encoding out"
        )


def _not_in(encoding: str, error: UnicodeError) -> InvalidTable:
    return InvalidTable(
        f"the file is not text in {encoding}: {error}. Check encoding in the contract's [source], and whether the file "
        "was cut"
    )


class _Utf8:
    """Whether bytes that were read as single characters are UTF-8 with more than ASCII in it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._may_be, self._has_more_than_ascii = True, False

    def add(self, chunk: bytes, text: str) -> None:
        self._may_be = self._may_be and len(text) == len(chunk)
        if not self._may_be:
            return
        self._has_more_than_ascii = self._has_more_than_ascii or not chunk.isascii()
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError:
            self._may_be = False

    @property
    def is_sure(self) -> bool:
        # What is cut off at the end is no UTF-8.
        return self._may_be and self._has_more_than_ascii and not self._decoder.getstate()[0]
