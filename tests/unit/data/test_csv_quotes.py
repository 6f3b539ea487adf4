"""Rows that a stray quote swallows are told; cells that do hold line breaks are read."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from tabular.data.reading import read_table
from tabular.errors import InvalidTable
from tabular.labels.file import read_label_file

NOTES = "CLIENTNUM,age,Note\n1,31,ok\n2,32,ok\n"


def lines(rows, note="ok"):
    return [f"{700 + at},{20 + at % 50},{at * 1.5},{'FM'[at % 2]},{note}" for at in range(rows)]


def table(rows):
    return "\n".join(["id,age,limit,gender,note", *rows]).encode()


def stray(rows, first, last):
    """A quote at the beginning of one row's note and one at the end of another's."""
    changed = list(rows)
    changed[first] = changed[first].replace(",ok", ',"ok')
    changed[last] += '"'
    return changed


@pytest.mark.parametrize(
    "body",
    [
        NOTES + '3,33,"see ticket\n4,34,ok\n5,35,ok\n6,36,ok\n7,37,closed"\n8,38,ok\n9,39,ok\n10,40,ok\n',
        NOTES + '3,33,"see ticket\n4,34,closed"\n5,35,ok\n',
        NOTES + '3,33, "see ticket\n\n4,34,closed"\n5,35,ok\n',
        NOTES + '3,33,"\n4,34,\n5,35,"\n6,36,ok\n',
        'Note,CLIENTNUM,age\nok,1,31\n"see ticket,2,32\nok,3,33\nclosed",4,34\nok,5,35\n',
        'CLIENTNUM,Note,age\n1,ok,31\n2,"see ticket,32\n3,"",33\n4,closed",34\n5,ok,35\n',
        'CLIENTNUM,name,Note\n1,"Doe, J",ok\n2,"Roe, R","see\n3,N,\n4,"",closed"\n5,"Poe, E",ok\n',
    ],
    ids=[
        "the case",
        "neighbours",
        "a blank line",
        "quotes alone",
        "the first column",
        "in the middle",
        "quoted commas",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_rows_in_stray_quotes_are_told_by_line(body, line_end):
    with pytest.raises(InvalidTable, match=r"lines \d+ to \d+: are read as one row: a quote opens in line"):
        read_table(body.replace("\n", line_end).encode())


def test_the_lines_are_those_of_the_file():
    body = NOTES + '\n3,33,"see ticket\n4,34,ok\n7,37,closed"\n8,38,ok\n'
    with pytest.raises(InvalidTable, match=r"lines 5 to 7: .* opens in line 5 and closes in line 7, .* the 3 cells"):
        read_table(body.encode())


def test_no_stray_pair_of_quotes_loses_a_row_of_many():
    rows, draw = lines(400), random.Random(0)
    for _ in range(60):
        first, last = sorted(draw.sample(range(400), 2))
        with pytest.raises(InvalidTable, match="are read as one row"):
            read_table(table(stray(rows, first, last)))


@pytest.mark.parametrize(
    "note",
    [
        '"called twice\nno answer"',
        '"first, second, third\nfourth, fifth"',
        '"a\n\nb\n"',
        '"said ""yes, twice"",\nthen left"',
        '"Main St 5\n12345 Town, State\nCountry"',
        '"\n1\n2\n3"',
        '"one, two, three, four\nlow, mid, high, top, all\nred, green, blue, white, black"',
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_cell_that_holds_line_breaks_is_read(note, line_end):
    rows = [*lines(40), f"9,30,1.5,F,{note}", *lines(40)]
    read = read_table(table(rows).replace(b"\n", line_end.encode())).cells
    assert len(read) == 81
    assert read["note"].iloc[40].splitlines() == note.strip('"').replace('""', '"').strip().splitlines()


def test_cells_of_several_lines_in_every_row_and_in_the_header_are_read():
    rows = [f'{at},"Yes, really\nit was {at}, or so",{at % 2}' for at in range(50)]
    assert len(read_table("\n".join(['id,"the text,\nas written",target', *rows]).encode()).cells) == 50


def test_a_quote_that_never_closes_is_told_by_its_own_line():
    with pytest.raises(InvalidTable, match=r"lines 3 to 12, which a quote makes one row: unexpected end"):
        read_table(table(stray(lines(11), 1, 10))[:-1])


def test_labels_in_stray_quotes_are_not_lost(contract):
    kinds = contract.target.classes
    body = f'prediction_id,outcome\na,{kinds[0]}\nb,"{kinds[0]}\nc,{kinds[1]}\nd,{kinds[0]}"\ne,{kinds[1]}\n'
    with pytest.raises(InvalidTable, match="lines 3 to 5: are read as one row"):
        read_label_file(body.encode(), contract, datetime.now(UTC))
