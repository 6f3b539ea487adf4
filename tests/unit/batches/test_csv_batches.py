"""A CSV in batches has the rows that the strict reader of tables finds, and a fault for each that is none."""

from __future__ import annotations

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.batches import csv_batches
from tabular.batches.csv_pieces import csv_pieces
from tabular.batches.row_batches import parquet_columns
from tabular.batches.table_file import TableFile
from tabular.contract.source import SourceOptions
from tabular.data.formats.csv_cells import header_and_rows
from tabular.data.formats.quote_kinds import Quotes, quotes_in
from tabular.errors import InvalidTable
from tests.unit.any_contract import quick

HEADER = b"a,b,c\n"
USUAL = b'6,"x\ny",7\n1,"",\n"say ""hi""",2,3\n'
ODD = b'7, "8",9\n1,"2"3,4\n5"inch,6,7\n'


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads a CSV in small batches: its rows by number, and its faults by number."""

    def read(body, wanted=("a", "b", "c"), block_bytes=64):
        monkeypatch.setattr(csv_batches, "BLOCK_BYTES", block_bytes)
        monkeypatch.setattr(csv_batches, "STRICT_ROWS", 3)
        path = tmp_path / "table.csv"
        path.write_bytes(body)
        rows, faults = {}, {}
        for batch in TableFile(path, SourceOptions(separator=","), tmp_path / "copy").batches(wanted):
            cells = zip(*(batch.columns[name].to_pylist() for name in wanted), strict=True)
            rows |= dict(zip(batch.numbers.tolist(), cells, strict=True))
            for fault in batch.faults:
                assert fault.row not in faults
                faults[fault.row] = fault
        return rows, faults

    return read


def test_rows_of_another_width_are_faults_and_the_others_keep_their_numbers(read):
    rows, faults = read(HEADER + b"1,2,3\n\n4,5\n6,7,8\n" * 20 + b"9\n")
    assert list(rows) == [number for number in range(1, 61) if number % 3 != 2]
    assert list(faults) == [*range(2, 61, 3), 61]
    assert str(faults[2]) == "row 2, cells: are 2 (allowed: 3, as in the header)"
    assert faults[2].given == "4,5"


@pytest.mark.parametrize("extra", [b"", ODD], ids=["by Arrow", "by the strict reader"])
def test_quotes_mean_the_same_to_both_readers(read, extra):
    rows, _ = read(HEADER + USUAL + extra)
    assert [rows[number] for number in (1, 2, 3)] == [
        (b"6", b"x\ny", b"7"),
        (b"1", b"", b""),
        (b'say "hi"', b"2", b"3"),
    ]


def test_odd_quotes_are_read_strictly(read):
    rows, faults = read(HEADER + ODD + b"1,2,3\n")
    assert rows == {1: (b"7", b"8", b"9"), 3: (b'5"inch', b"6", b"7"), 4: (b"1", b"2", b"3")}
    assert list(faults) == [2]


@pytest.mark.parametrize("extra", [b"", ODD], ids=["by Arrow", "by the strict reader"])
def test_rows_that_a_stray_quote_swallows_are_a_fault(read, extra):
    rows, faults = read(HEADER + b"1,2,3\n" * 9 + b'9,"8,7\n6,5,4\n3,2",1\n1,2,4\n' + extra, block_bytes=10_000)
    assert list(rows)[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert "are those of 3 lines" in faults[10].problem


@pytest.mark.parametrize("rows", [3, 50_000])
def test_a_quote_that_is_never_closed_swallows_no_row_silently(read, rows):
    with pytest.raises(InvalidTable, match="row 10 on: a quote opens there that is never closed"):
        read(HEADER + b"1,2,3\n" * 9 + b'9,8,"7\n' + b"1,2,3\n" * rows)


def test_one_row_of_megabytes_ends_the_reading_with_the_reason(read):
    with pytest.raises(InvalidTable, match="row 1 on: a row is longer than 64 bytes, or a quote opens"):
        read(HEADER + b'1,"2' + b"1,2,3\n" * 30 + b'",3\n')


def test_a_wanted_name_that_stands_twice_is_named(read):
    with pytest.raises(InvalidTable, match="b: stands more than once"):
        read(b"a,b, b ,c\n1,2,3,4\n")
    assert read(b"a,b, b ,c\n1,2,3,4\n", wanted=("c", "a"))[0] == {1: (b"4", b"1")}


@pytest.mark.parametrize("body", [b"", b"\n\n", b'{"a": 1}\n', b"\x1f\x8b\x08\x00", b"a\xff,b,c\n1,2,3\n", b'a,"b\n'])
def test_what_is_no_csv_is_named(read, body):
    with pytest.raises(InvalidTable):
        read(body)


def test_a_byte_order_mark_belongs_to_no_name(read):
    assert read(b"\xef\xbb\xbfa,b,c\r\n1,2,3\r\n")[0] == {1: (b"1", b"2", b"3")}


def test_a_cut_parquet_file_is_named(tmp_path):
    path = tmp_path / "cut.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidTable, match="cannot be read"):
        parquet_columns(path)


def test_a_file_is_read_no_further_than_its_rows_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_batches, "BLOCK_BYTES", 6_000)
    path = tmp_path / "table.csv"
    path.write_bytes(HEADER + b"1,2,3\n" * 20_000)
    batches = TableFile(path, SourceOptions(separator=","), tmp_path / "copy").batches(("a",))
    first = next(batches)
    with path.open("r+b") as file:
        file.seek(-6, os.SEEK_END)
        file.write(b"7,8,9\n")
    assert len(first) <= 1_000
    *_, last = batches
    assert (last.numbers[-1], last.columns["a"][-1].as_py()) == (20_000, b"7")


texts = st.text(st.sampled_from(list('ab1 "\n,;é')), max_size=6)


@quick
@given(
    st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_table_that_was_written_as_a_csv_comes_back(tmp_path_factory, rows, quoting):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting).writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text(file.getvalue(), newline="")
    found = [
        tuple(cell.decode().strip() for cell in row)
        for batch in TableFile(path, SourceOptions(separator=","), path.with_name("copy")).batches("abc")
        for row in zip(*(column.to_pylist() for column in batch.columns.values()), strict=True)
    ]
    try:
        expected = [tuple(row) for row in header_and_rows(file.getvalue())[1]]
    except InvalidTable:  # it takes a row of several lines for several rows
        return
    assert found == expected


@quick
@given(
    st.lists(st.lists(st.text(st.sampled_from(list('a "\r\n,')), max_size=6), min_size=1, max_size=3), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_pieces_are_whole_records_and_together_the_text(tmp_path_factory, rows, line_end, piece_bytes):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text("header\n" + file.getvalue(), newline="")
    pieces = list(csv_pieces(path, len("header\n"), piece_bytes, 10_000, has_quotes=True))
    assert b"".join(pieces).decode() == file.getvalue()
    read = [list(csv.reader(io.StringIO(piece.decode(), newline=""))) for piece in pieces]
    assert [record for records in read for record in records if record] == rows


@pytest.mark.parametrize(
    ("body", "quotes"),
    [
        (b"a,b\n1,2\n", Quotes.NONE),
        (b'"a","b"\n"1","2"\n', Quotes.USUAL),
        (b'a,b\n"x ""y"" z",2\n', Quotes.USUAL),
        (b'a,b\n", ",2\n"x\n, ",3\n', Quotes.USUAL),
        (b'a,b\n1, "2"\n', Quotes.ODD),
        (b'a,b\n1,"2"3\n', Quotes.ODD),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_quotes_of_a_file_are_known_before_it_is_read(body, quotes, separator):
    body = body.replace(b",", separator.encode())
    for size in (1, 2, 3, 100):
        assert quotes_in((body[at : at + size] for at in range(0, len(body), size)), separator) is quotes
