"""Large tables by columns: the same cells and values, bit for bit, as one by one, or none at all."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tabular.data.column_values import FEW, feature_values, moments, target_numbers
from tabular.data.formats import arrow_csv
from tabular.data.formats.arrow_csv import WHITESPACE
from tabular.data.formats.csv_cells import header_and_rows
from tabular.data.formats.csv_layout import layout_of
from tabular.data.reading import LARGE_BYTES, read_table
from tabular.data.synthetic import make_table
from tabular.encoding.dates import moment_in, text_of
from tabular.encoding.values import cell_reader, target_number
from tabular.errors import Fault, InvalidTable

quick = settings(max_examples=400, deadline=None)
awkward = st.text(st.sampled_from('a1,";\t\n\r .é\x1f\u2003\x85\0'), max_size=40)
cells = st.text(st.sampled_from('a1. é"\x1c,'), max_size=5)


def arrow_cells(body, separator, columns=()):
    try:
        return arrow_csv.arrow_cells(body, layout_of(body, separator, columns))
    except InvalidTable:
        return None


def strict(body, separator=",", columns=()):
    header, rows = header_and_rows(body.decode(), separator, columns)
    return header, [tuple(row) for row in rows]


def same(frame, found):
    header, rows = found
    return list(frame.columns) == header and list(frame.itertuples(index=False, name=None)) == rows


@quick
@given(awkward, st.sampled_from(",;\t|"))
@example('a,a b\n"x"", 1\n', ",")
@example('a,b\n"x\ny",1\n', ",")
@example("a,b\r1,2\r\r3,4", ",")
def test_whatever_arrow_reads_the_strict_reader_reads_alike(text, separator):
    body = text.encode()
    frame = arrow_cells(body, separator)
    if frame is None or frame.empty:
        return
    try:
        found = strict(body, separator)
    except InvalidTable:
        pytest.fail(f"read by columns, but refused by the strict reader: {text!r}")
    assert same(frame, found)


@quick
@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_well_formed_tables_are_read_by_columns(rows, quoted, headless):
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    names = ["x", "y"]
    csv.writer(file, quoting=quoting).writerows(rows if headless else [names, *rows])
    body = file.getvalue().encode()
    columns = tuple(names) if headless else ()
    frame = arrow_cells(body, ",", columns)
    if any('"' in cell for row in rows for cell in row):
        assert frame is None or same(frame, strict(body, ",", columns))
        return
    assert frame is not None
    assert same(frame, strict(body, ",", columns))


def test_the_same_white_space_is_cut():
    assert set(WHITESPACE) == {chr(each) for each in range(0x110000) if chr(each).isspace()}


@pytest.mark.parametrize("spoil", ["", "quote", "width", "byte"])
def test_a_large_file_is_read_by_columns_and_its_faults_are_named_by_row(contract, spoil):
    body = make_table(contract, 12_000, 1)
    assert len(body) > LARGE_BYTES
    lines = body.split(b"\n")
    if spoil == "":
        assert arrow_cells(body, ",") is not None
        found = read_table(body)
        assert same(found.cells, strict(body))
        assert found.read_as == read_table(body[: LARGE_BYTES // 2].rpartition(b"\n")[0]).read_as
        return
    lines[9_000] = {"quote": b'"' + lines[9_000], "width": lines[9_000] + b",1", "byte": lines[9_000] + b"\xff"}[spoil]
    with pytest.raises(InvalidTable, match={"quote": "line", "width": "row 9000", "byte": "not text in UTF-8"}[spoil]):
        read_table(b"\n".join(lines))


ODD = ("", *["?", "-1", "-1.0", "5.", ".5", "1e999", "1e-400", "nan", "inf", "0x1A", "1_000", "x", "-0", "-0.0"])


def spelled(draw, count):
    numbers = np.concatenate([draw.normal(60, 50, count), draw.integers(-5, 130, count // 4), [-0.0, 0.0, 1e300, -1]])
    forms = [repr, "{:.3f}".format, "{:+.2f}".format, "{:e}".format, lambda number: str(int(number)), " {:g}".format]
    texts = [forms[draw.integers(len(forms))](float(number)) for number in numbers]
    texts.extend(ODD)
    return texts


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_numbers_in_bulk_are_the_numbers_one_by_one(tiny_contract, kind):
    def with_tokens(file):
        file["table"]["missing_tokens"] = ["?", "-1"]

    contract = tiny_contract(change=with_tokens)
    feature = next(each for each in contract.features if each.kind == kind)
    texts = spelled(np.random.default_rng(0), 4 * FEW)
    assert len(set(texts)) > FEW
    read = cell_reader(feature, contract)
    values, is_invalid = feature_values(feature, pd.Series(texts, dtype="str"), contract)
    for text, value, bad in zip(texts, values, is_invalid, strict=True):
        outcome = read(text)
        assert bad == (isinstance(outcome, Fault) or outcome[2])
        known = np.nan if bad or outcome[0] is None else float(outcome[0])
        assert np.float64(value).tobytes() == np.float64(known).tobytes() or (np.isnan(value) and np.isnan(known))
    assert 0 < is_invalid.sum() < len(texts)


def test_targets_in_bulk_are_the_targets_one_by_one(tiny_contract):
    contract = tiny_contract("regression")
    texts = spelled(np.random.default_rng(1), 2 * FEW)
    found = target_numbers(contract, pd.Series(texts, dtype="str"))
    known = [None if contract.is_missing(text) else target_number(text) for text in texts]
    np.testing.assert_array_equal(found, np.array(known, dtype=np.float64))


def test_moments_in_bulk_are_the_moments_one_by_one(tiny_contract):
    contract = tiny_contract()
    draw = np.random.default_rng(1)
    texts = [
        text_of(int(draw.integers(-8 * 10**15, 7 * 10**15)) // 10**6 * 10**6, has_zone=at % 3 == 0)
        for at in range(FEW + 500)
    ]
    texts += (
        [text.replace("T", " ") for text in texts[:300]]
        + [text[:16] for text in texts[1:300:3]]
        + [text[:10] for text in texts[:300]]
    )
    texts += [
        "2024-02-29",
        "2024-05-31T14:05:00.25",
        "2024-05-31T14:05:00.123456",
        "2024-05-31T14:05:00+02:00",
        "",
        "soon",
        "1699-12-31",
    ]
    for several in (texts, [*texts, "2023-02-29"], [*texts, "2024-01-01T00:00:60"]):
        codes, has_zone = moments(contract, pd.Series(several, dtype="str"))
        known = [moment_in(text) for text in several]
        np.testing.assert_array_equal(codes, [np.nan if one is None else one.microseconds for one in known])
        assert has_zone.tolist() == [one is not None and one.has_zone for one in known]


def test_a_date_that_means_not_known_is_never_read_in_bulk(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(missing_tokens=["1900-01-01t00:00:00"]))
    texts = ["1900-01-01T00:00:00", *(text_of(at * 10**6, has_zone=False) for at in range(FEW + 1))]
    codes, _ = moments(contract, pd.Series(texts, dtype="str"))
    assert np.isnan(codes[0])
    assert codes[1:].tolist() == [at * 1e6 for at in range(FEW + 1)]
