"""What bytes are is told by what they begin with, in words, and never by an exception."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tabular.data import sniffing
from tabular.data.sniffing import from_base64, name_of, without_mark

RECORD = b'{"age": 57, "city": "K\xc3\xb6ln"}'
OBJECT = json.loads(RECORD)
ENCODED = base64.b64encode(RECORD)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x")  # of a fixed time: the bytes name tests
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"age": [57]}), file)
    return file.getvalue()


NAMES = [
    (sniffing.BOM + RECORD, sniffing.MARKED),
    (sniffing.BOM + gzip.compress(RECORD, mtime=0), sniffing.GZIP),
    (gzip.compress(RECORD, mtime=0), sniffing.GZIP),
    *((zlib.compress(RECORD, level), sniffing.ZLIB) for level in (0, 1, 6, 9)),
    *((RECORD.decode().encode(each), sniffing.UTF_16) for each in ("utf-16", "utf-16-le", "utf-16-be")),
    *((b'{"age": 57}'.decode().encode(each), sniffing.UTF_32) for each in ("utf-32", "utf-32-le", "utf-32-be")),
    (RECORD.decode().encode("cp1252"), sniffing.OTHER_TEXT),
    (b"\xf3\x89\x9a\xc2\x0a\x01a\x1a\x02xx" + bytes(16), sniffing.KPL),
    (ENCODED, "base64 of a JSON object"),
    (ENCODED.rstrip(b"="), "base64 of a JSON object"),
    (base64.encodebytes(RECORD * 4), "base64 of several JSON objects"),
    (base64.b64encode(ENCODED), "base64 of base64 of a JSON object"),
    (base64.b64encode(gzip.compress(RECORD, mtime=0)), "base64 of gzip-compressed data"),
    (base64.urlsafe_b64encode(b'{"a": "\xc3\xbf\xc3\xbf\xc3\xbe?~"}'), "base64 of a JSON object"),
    (base64.b64encode(bytes(range(250))), "base64 of binary data"),
    (json.dumps(RECORD.decode()).encode(), "a JSON string that holds a JSON object"),
    (json.dumps(ENCODED.decode()).encode(), "a JSON string that holds base64 of a JSON object"),
    (RECORD + RECORD, sniffing.LINES),
    (RECORD + b"\n" + RECORD + b"\n", sniffing.LINES),
    (RECORD + b",\n" + RECORD, sniffing.LINES),
    (RECORD + b"\n" + RECORD[:9], sniffing.LINES),
    ((RECORD + b"\n") * 5_000, sniffing.LINES),
    (zipped("a.json"), sniffing.ZIP),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), sniffing.EXCEL),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8), sniffing.EXCEL),
    (parquet(), sniffing.PARQUET),
    (b"Obj\x01\x04\x16avro.schema", sniffing.AVRO),
    (b"<!DOCTYPE html><html>", sniffing.HTML),
    (b"\n<html lang=en>", sniffing.HTML),
    (b"<?xml version='1.0'?><a/>", sniffing.XML),
    (b"age=57&city=K%C3%B6ln", sniffing.FORM),
    (b'--x\r\nContent-Disposition: form-data; name="age"\r\n\r\n57\r\n--x--', sniffing.MULTIPART),
    (b"age,city\n57,Bonn\n", sniffing.CSV),
    (b"age;city\r\n57;Bonn\r\n58;Rome", sniffing.CSV),
    (b'{"age": NaN}', sniffing.NOT_A_NUMBER),
    (b'{"age": -Infinity}', sniffing.NOT_A_NUMBER),
    (repr(OBJECT).encode(), sniffing.PYTHON),
    (b'{"age": None}', sniffing.PYTHON),
    (b'[{"age": 57, "is_new": True}]', sniffing.PYTHON),
    (bytes(range(256)), sniffing.BINARY),
    (RECORD, sniffing.OBJECT),
    (b"[" + RECORD + b"]", sniffing.ARRAY),
    (b"[" + (RECORD + b",") * 5_000 + b"{}]", sniffing.ARRAY),
]


@pytest.mark.parametrize(("body", "name"), NAMES, ids=lambda value: str(value)[:30])
def test_it_is_named(body, name):
    assert name_of(body) == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"hello",
        b"null",
        b"3",
        b'"text"',
        b"true",
        b'{"a": 1',
        b'{"a": 1,}',
        b"x^2 and more",
        b"[" * 1_000,
        b"x" * 100,
        b"{} tail",
    ],
)
def test_what_is_not_recognised_has_no_name(body):
    assert name_of(body) is None


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 20_000, b"[" * 1_000_000 + b"]" * 1_000_000])
def test_of_a_long_text_the_beginning_is_looked_at(body):
    assert name_of(body) in sniffing.JSON_KINDS


@given(some.binary(max_size=200) | some.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_whatever_it_is_there_is_an_answer(body):
    for each in (body, base64.b64encode(body), body * 3, sniffing.BOM + body):
        assert name_of(each) is None or name_of(each)


@given(some.binary(min_size=1, max_size=300), some.booleans())
def test_base64_of_either_alphabet_wrapped_or_not_is_decoded(data, is_wrapped):
    for encoded in (base64.encodebytes(data) if is_wrapped else base64.b64encode(data), base64.urlsafe_b64encode(data)):
        assert from_base64(encoded) == data


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b"a", b"ab+_", b"abc!", b"=abc"])
def test_what_is_no_base64_is_not_decoded(body):
    assert from_base64(body) is None


def test_a_mark_is_taken_off_once():
    assert without_mark(sniffing.BOM + sniffing.BOM + RECORD) == sniffing.BOM + RECORD
    assert without_mark(RECORD) is RECORD
