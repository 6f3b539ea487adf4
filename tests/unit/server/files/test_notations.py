"""A file is read alike by publishing and by scoring, however it is written: the same rows, and the same errors."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from dataclasses import replace

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from server.files.output import faults_path
from server.files.scoring import FileScorer
from server.scoring.model import Model
from tabular.contract.source import SourceOptions
from tabular.data import reading
from tabular.data.prepared import prepare
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import encode
from tabular.errors import InvalidTable

ROWS = 120


@pytest.fixture(scope="module")
def cells(contract):
    """The cells of a table, with its target, a column that is no feature, and some that are missing."""
    found = read_table(make_table(contract, ROWS, seed=8)).cells
    found[contract.table.id_column] = [f"Ü {at}" for at in range(ROWS)]
    found.loc[3:9, contract.features[0].column] = ""
    return found


def text_of(cells, separator=",", decimal=".", line_end="\n", *, header=True, quote_all=False):
    if decimal == ",":
        cells = cells.map(lambda text: text.replace(".", ",") if text.replace(".", "", 1).isdigit() else text)
    quoting = csv.QUOTE_ALL if quote_all or separator == " " else csv.QUOTE_MINIMAL
    return cells.to_csv(sep=separator, header=header, index=False, quoting=quoting, lineterminator=line_end)


def zipped(body):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", body)
    return file.getvalue()


def parquet(cells):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(cells, preserve_index=False), file)
    return file.getvalue()


def with_nameless_columns(cells):
    return text_of(cells.assign(empty="", index=[str(at) for at in range(ROWS)])).replace(",empty,index", ",,", 1)


def with_commas_at_the_end(cells):
    header, _, rows = text_of(cells).partition("\n")
    return header + "\n" + rows.replace("\n", ",,\n")


NOTATIONS = {
    **{
        f"{name}, line end {end!r}{', quoted' if quoted else ''}": (
            lambda cells, mark=mark, end=end, quoted=quoted: text_of(
                cells, mark, line_end=end, quote_all=quoted
            ).encode(),
            {},
        )
        for name, mark in {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "spaces": " "}.items()
        for end in ("\n", "\r\n", "\r")
        for quoted in (False, True)
    },
    "decimal comma": (lambda cells: text_of(cells, ";", ",").encode(), {}),
    "decimal comma, named": (lambda cells: text_of(cells, ";", ",").encode(), {"decimal": ",", "separator": ";"}),
    "decimal comma between commas": (lambda cells: text_of(cells, ",", ",").encode(), {"decimal": ","}),
    "decimal comma between spaces": (lambda cells: text_of(cells, " ", ",").encode(), {}),
    "spaces that align": (
        lambda cells: text_of(cells, " ").replace('" "', '"   "').replace("\n", "  \n").encode(),
        {},
    ),
    "spaces after commas": (lambda cells: text_of(cells, quote_all=True).replace('","', '", "').encode(), {}),
    "UTF-8 with a mark": (lambda cells: text_of(cells).encode("utf-8-sig"), {}),
    "UTF-16": (lambda cells: text_of(cells, "\t").encode("utf-16"), {}),
    "UTF-16, named": (lambda cells: text_of(cells).encode("utf-16-be"), {"encoding": "utf-16-be"}),
    "cp1252": (lambda cells: text_of(cells, ";", ",").encode("cp1252"), {"encoding": "cp1252"}),
    "gz": (lambda cells: gzip.compress(text_of(cells).encode()), {}),
    "gz of cp1252 with a decimal comma": (
        lambda cells: gzip.compress(text_of(cells, "|", ",").encode("cp1252")),
        {"encoding": "cp1252"},
    ),
    "zip": (lambda cells: zipped(text_of(cells)), {}),
    "blank lines": (lambda cells: ("\n\n" + text_of(cells).replace("\n", "\n\n")).encode(), {}),
    "no header": (lambda cells: text_of(cells, header=False).encode(), {"header": False}),
    "no header, packed": (
        lambda cells: zipped(text_of(cells, "\t", ",", "\r\n", header=False).encode("utf-16-le")),
        {"header": False, "encoding": "utf-16-le", "separator": "\t"},
    ),
    "columns without a name": (lambda cells: with_nameless_columns(cells).encode(), {}),
    "commas at the end": (lambda cells: with_commas_at_the_end(cells).encode(), {}),
    "Parquet": (parquet, {}),
    "Parquet in gz": (lambda cells: gzip.compress(parquet(cells)), {"format": "parquet"}),
}


def under(model: Model, source: SourceOptions) -> Model:
    contract = msgspec.structs.replace(model.bundle.contract, source=source)
    return replace(model, bundle=replace(model.bundle, contract=contract))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_publishing_and_scoring_read_the_same_rows(model, cells, tmp_path, monkeypatch, notation):
    write, options = NOTATIONS[notation]
    columns = () if options.get("header", True) else tuple(cells.columns)
    model = under(model, SourceOptions(**options, columns=columns))
    contract, body, file, out = model.bundle.contract, write(cells), tmp_path / "rows", tmp_path / "scores.csv"
    file.write_bytes(body)
    published = prepare(contract, body)
    monkeypatch.setattr(reading, "LARGE_BYTES", 0)
    strictly = prepare(contract, body)
    assert (published.read_as, published.columns) == (strictly.read_as, strictly.columns)
    pd.testing.assert_frame_equal(published.required.features, strictly.required.features)
    pd.testing.assert_series_equal(published.required.target, strictly.required.target)

    assert FileScorer(model).score(file, out).scored == ROWS
    scored = pacsv.read_csv(out).to_pylist()
    expected = model.scorer.many(encode(contract, published.required.features))
    assert [row[contract.reply.prediction_key] for row in scored] == expected.tolist()
    assert [row[contract.table.id_column] for row in scored] == list(cells[contract.table.id_column])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows", "scores.csv", "scores.summary.json"]


@pytest.mark.parametrize(
    ("write", "options", "why"),
    [
        (lambda cells: text_of(cells).encode("cp1252"), {"encoding": "utf-16"}, "not text in utf-16"),
        (lambda cells: text_of(cells).encode(), {"encoding": "cp1252"}, "is in UTF-8, and .* says encoding = 'cp1252'"),
        (lambda cells: text_of(cells).encode("utf-16-le"), {}, 'text in UTF-16.*encoding = "utf-16-le"'),
        (lambda cells: text_of(cells).encode(), {"separator": ";"}, "lacks? columns"),
        (lambda cells: text_of(cells).encode(), {"format": "parquet"}, "is no Parquet file"),
        (lambda cells: gzip.compress(text_of(cells).encode())[:-9], {}, "cannot be unpacked: .*cut"),
        (lambda _: b"a;b\n1,234;2\n2,345;3\n", {}, "decimal: may be a comma: '1,234' in row 1 of a"),
        (lambda _: b"a,b;c\n1,5;2\n2,5;3\n", {}, "separator: may be a comma .* and a semicolon"),
        (lambda _: b"a,b\n" + b"1,2,3\n" * 9, {}, "header: has 2 names, but 9 of 9 rows have 3 cells"),
        (lambda cells: text_of(cells, header=False).encode(), {"header": False, "columns": ("a", "b")}, "has 2 names"),
    ],
)
def test_publishing_and_scoring_reject_the_same_files(model, cells, tmp_path, write, options, why):
    model, file, body = under(model, SourceOptions(**options)), tmp_path / "rows.csv", write(cells)
    file.write_bytes(body)
    with pytest.raises(InvalidTable, match=f"(?s){why}"):
        _ = prepare(model.bundle.contract, body).required
    with pytest.raises(InvalidTable, match=f"(?s){why}"):
        FileScorer(model).score(file, tmp_path / "scores.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_rows_that_are_written_otherwise_are_faults_of_their_own(model, cells, tmp_path):
    """A point among decimal commas, and cells beyond the header's: rejected whole by publishing, by row in scoring."""
    column = next(feature.column for feature in model.bundle.contract.features if feature.kind == "number")
    # Of the first 200 rows the header is judged.
    cells = pd.concat([cells] * 3)
    lines = text_of(cells, ";", ",").replace("\n", ";\n").splitlines()
    at, row = lines[0].split(";").index(column), lines[7].split(";")
    lines[7] = ";".join([*row[:at], "1.234", *row[at + 1 :]])
    lines[309] += "more"
    lines[0] = lines[0].rstrip(";")
    file, out = tmp_path / "rows.csv", tmp_path / "scores.csv"
    file.write_text("\n".join(lines))
    model = under(model, SourceOptions(decimal=","))
    assert FileScorer(model).score(file, out).scored == 3 * ROWS - 2
    with faults_path(out).open(newline="") as faults:
        assert [(fault["row"], fault["field"], fault["value"]) for fault in csv.DictReader(faults)] == [
            ("7", column, "1.234"),
            ("309", "cells", ""),
        ]
