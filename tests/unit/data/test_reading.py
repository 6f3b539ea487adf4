"""A table in any format: the same cells whichever way they are written, and an error where that cannot be told."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile

import pandas as pd
import pytest

from tabular.contract.source import SourceOptions
from tabular.data.formats import packed
from tabular.data.reading import read_table
from tabular.errors import InvalidTable

LINES = [
    "Name,Height,Born,Town",
    "Ann,1.5,1990,Ürzig",
    "Bob,-0.25,1985,",
    '"C, D",2e3,2001,"a | b;c"',
    "Eve,.5,7,Übach",
]
TEXT = "\n".join(LINES) + "\n"
TABLE = pd.DataFrame(
    {
        "Name": ["Ann", "Bob", "C, D", "Eve"],
        "Height": ["1.5", "-0.25", "2e3", ".5"],
        "Born": ["1990", "1985", "2001", "7"],
        "Town": ["Ürzig", "", "a | b;c", "Übach"],
    },
    dtype="str",
)


def written(separator=",", decimal=".", *, header=True):
    # Between spaces an empty cell needs its quotes.
    quoting = csv.QUOTE_ALL if separator == " " else csv.QUOTE_MINIMAL
    table = TABLE.assign(Height=TABLE["Height"].str.replace(".", decimal))
    return table.to_csv(sep=separator, header=header, index=False, quoting=quoting)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            member = zipfile.ZipInfo(re.sub("_(csv|xml)$", r".\1", name))  # of a fixed time: the bytes name tests
            archive.writestr(member, body, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def refused(body, **source):
    with pytest.raises(InvalidTable) as error:
        read_table(body, SourceOptions(**source))
    return str(error.value)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_the_separator_is_told_by_the_content(separator, line_end):
    cells, read_as = read_table(written(separator).replace("\n", line_end).encode())
    pd.testing.assert_frame_equal(cells, TABLE)
    assert (read_as.format, read_as.encoding, read_as.separator, read_as.decimal) == ("csv", "utf-8", separator, ".")


@pytest.mark.parametrize("separator", [";", "\t", "|", " "])
def test_decimal_commas_are_told_by_the_content(separator):
    cells, read_as = read_table(written(separator, ",").encode())
    pd.testing.assert_frame_equal(cells, TABLE)
    assert read_as.decimal == ","


def test_spaces_that_align_columns_are_one_separator():
    body = b"a    b  c \n  1   2  3\n10  20 30\n"
    assert read_table(body).cells.to_numpy().tolist() == [["1", "2", "3"], ["10", "20", "30"]]


def test_quoted_names_and_cells_with_another_mark_are_read():
    cells = read_table(b'"Age";"Class, or kind";"Y"\n"3";"A, B";"no"\n"4";"B, C";"no"\n').cells
    assert cells.to_numpy().tolist() == [["3", "A, B", "no"], ["4", "B, C", "no"]]


@pytest.mark.parametrize(
    ("body", "encoding", "named"),
    [
        (TEXT.encode("utf-8-sig"), "utf-8", None),
        (TEXT.encode("utf-16"), "utf-16", None),
        (TEXT.encode("utf-16-le"), "utf-16-le", "UTF-16LE"),
        (TEXT.encode("cp1252"), "cp1252", "cp1252"),
        (TEXT.encode("latin-1"), "iso8859-1", "latin-1"),
        (TEXT.encode("utf-32"), "utf-32", "utf-32"),
        (TEXT.encode("utf-8-sig"), "utf-8", "utf-8"),
    ],
)
def test_an_encoding_that_is_sure_is_told_and_another_is_used_when_it_is_named(body, encoding, named):
    cells, read_as = read_table(body, SourceOptions(encoding=named))
    pd.testing.assert_frame_equal(cells, TABLE)
    assert read_as.encoding == encoding


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (gzip.compress(TEXT.encode(), mtime=0), "gz"),
        (
            gzip.compress(LINES[0].encode(), mtime=0) + gzip.compress(("\n" + "\n".join(LINES[1:])).encode(), mtime=0),
            "gz",
        ),
        (zipped(table_csv=TEXT), "zip"),
        (zipped(**{"__MACOSX/_table_csv": "x", "table_csv": TEXT}), "zip"),
    ],
)
def test_a_packed_table_is_unpacked(body, kind):
    cells, read_as = read_table(body)
    pd.testing.assert_frame_equal(cells, TABLE)
    assert read_as.packed == kind


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_file_without_a_header_takes_the_names_of_the_contract(separator):
    source = SourceOptions(header=False, columns=tuple(TABLE.columns))
    cells, read_as = read_table(written(separator, header=False).encode(), source)
    pd.testing.assert_frame_equal(cells, TABLE)
    assert read_as.described(source).endswith("without a header (as [source] says)")
    assert "header: has 3 names, but 4 of 4 rows have 4 cells" in refused(
        written(header=False).encode(), header=False, columns=("a", "b", "c")
    )


def test_how_a_table_was_read_is_told_and_reads_it_again():
    source = SourceOptions(separator=";")
    cells, read_as = read_table(gzip.compress(written(";", ",").encode("utf-16")), source)
    assert read_as.described(source) == (
        "CSV, packed as gz, in utf-16, separated by a semicolon (as [source] says), decimal comma"
    )
    again, read_again = read_table(gzip.compress(written(";", ",").encode("utf-16")), read_as.named(cells.columns))
    pd.testing.assert_frame_equal(again, cells)
    assert read_again == read_as


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            b"a,b;c\n1,5;2\n2,5;3\n",
            'separator: may be a comma .* and a semicolon .* separator = "," or separator = ";"',
        ),
        (b"a;b\n1,234;2\n2,345;3\n", "decimal: may be a comma: '1,234' in row 1 of a, which may be a thousands"),
        (b"a;b\n1,5;2.5\n2,5;3\n", "decimal: may be a comma: '1,5' in row 1 of a, beside '2.5' in row 1 of b"),
        (TEXT.encode("cp1252"), r'not text in UTF-8: .*\[source\], such as encoding = "cp1252"'),
        (TEXT.encode("utf-16-le"), r'it is text in UTF-16.*encoding = "utf-16-le"'),
        (TEXT.encode("utf-16")[:-1], "not text in utf-16: .*cut"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-12], "gzip-compressed data that cannot be unpacked: .*cut"),
        (zipped(a_csv=TEXT, b_csv=TEXT), r"a zip archive of 2 files \(a.csv, b.csv\)"),
        (zipped(), "a zip archive of 0 files"),
        (zipped(table_csv=TEXT)[:60], "a zip archive that cannot be unpacked"),
        (zipped(**{"[Content_Types]_xml": "", "xl/workbook_xml": ""}), "it is an Excel workbook"),
        (gzip.compress(gzip.compress(TEXT.encode(), mtime=0), mtime=0), "it is gzip-compressed data"),
    ],
)
def test_what_cannot_be_told_is_an_error_that_says_what_settles_it(body, why):
    with pytest.raises(InvalidTable, match=f"(?s){why}"):
        read_table(body)


@pytest.mark.parametrize(
    ("body", "source", "first"),
    [
        (b"a,b;c\n1,5;2\n2,5;3\n", {"separator": ";"}, ["1.5", "2"]),
        (b"a,b;c\n1,5;2\n2,5;3\n", {"separator": ","}, ["1", "5;2"]),
        (b"a;b\n1,234;2\n2,345;3\n", {"decimal": ","}, ["1.234", "2"]),
        (b"a;b\n1,234;2\n2,345;3\n", {"decimal": "."}, ["1,234", "2"]),
        (b"a;b\n1,5;2.5\n2,5;3\n", {"decimal": "."}, ["1,5", "2.5"]),
        (b'a,b\n"1,5",2\n', {}, ["1,5", "2"]),
        (b'a,b\n"1,5",2\n', {"decimal": ","}, ["1.5", "2"]),
    ],
)
def test_what_the_contract_names_settles_it(body, source, first):
    assert read_table(body, SourceOptions(**source)).cells.iloc[0].tolist() == first


def test_a_number_with_a_point_among_decimal_commas_is_an_error_with_its_row():
    assert "row 2, b: holds '1.234', where the decimal mark is a comma" in refused(
        b"a;b\n1,5;2\n2,5;1.234\n", decimal=","
    )


def test_an_encoding_that_would_read_other_characters_is_refused():
    assert "the file is in UTF-8, and the contract's [source] says encoding = 'cp1252'" in refused(
        TEXT.encode(), encoding="cp1252"
    )
    assert "not text in utf-8" in refused(TEXT.encode("cp1252"), encoding="utf8")


def test_what_unpacks_to_far_more_than_a_table_does_is_not_unpacked():
    bomb = gzip.compress(bytes(packed.FREE_BYTES + packed.CHUNK_BYTES))
    assert len(bomb) < 100_000
    assert "unpacks to more than 67,108,864, which no table does" in refused(bomb)
    assert "which no table does" in refused(zipped(table_csv=bytes(packed.FREE_BYTES + packed.CHUNK_BYTES)))
