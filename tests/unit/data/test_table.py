"""From the bytes of a CSV to a clean table: what is kept, what is refused, and that serving encodes the same."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data.column_names import column_warnings
from tabular.data.reading import read_table
from tabular.data.table import clean, encode, public_records
from tabular.encoding.row import RowCodec, matrix
from tabular.errors import InvalidTable

HEADER = "Age,Class,Stars,Weight,Y"
GOOD = ["30,A,1,0.5,yes", "40,B,3,-0.5,no", "?,?,?,?,no"]


def csv(*rows, header=HEADER):
    return "\n".join([header, *rows]).encode()


def refused(contract, body):
    with pytest.raises(InvalidTable) as error:
        clean(contract, read_table(body).cells)
    return error.value


def test_a_good_table_is_clean(tiny_contract):
    table = clean(tiny_contract(), read_table(csv(*GOOD)).cells)
    assert table.features["age in years"].tolist()[:2] == [30, 40]
    assert table.features["class"].tolist() == ["A", "B", None]
    assert table.features["stars"].tolist() == ["1", "3", None]
    assert table.features.iloc[2].isna().all()
    assert table.target.tolist() == [1, 0, 0]
    assert table.raw_target.tolist() == ["yes", "no", "no"]
    assert table.has_classes


@pytest.mark.parametrize(
    "body",
    [
        csv(*GOOD).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + csv(*GOOD),
        csv(*GOOD).replace(b",", b", "),
        csv(*GOOD) + b"\n\n",
        csv(*GOOD).replace(b"yes", b'"yes"').replace(b"Age", b'"Age"'),
        csv(*(row + ",x" for row in GOOD), header=HEADER + ",Extra"),
        csv(*GOOD).replace(b"?", b""),
        csv(*GOOD).replace(b",A,", b",a,"),
        csv(*GOOD).replace(b"yes", b"YES"),
        csv(*(row + ",,," for row in GOOD), header=HEADER + ",,,"),
        csv(*(row + ",," for row in GOOD)),
        csv(*GOOD, header=HEADER + ", ,"),
        csv(*("," + row for row in GOOD), header="," + HEADER),
        csv(*(f"{at},{row},x" for at, row in enumerate(GOOD)), header=f",{HEADER},"),
        csv(*GOOD).replace(b",1,", b",1.0,").replace(b"30,", b"30.0,"),
    ],
    ids=[
        "CRLF",
        "byte order mark",
        "spaces",
        "blank lines",
        "quotes",
        "another column",
        "empty cells",
        "letter case",
        "a class in capitals",
        "trailing commas",
        "trailing commas of rows",
        "trailing commas of the header",
        "an empty column first",
        "columns without a name",
        "floats",
    ],
)
def test_spellings_of_the_same_table_are_the_same(tiny_contract, body):
    contract = tiny_contract()
    table, same = clean(contract, read_table(body).cells), clean(contract, read_table(csv(*GOOD)).cells)
    pd.testing.assert_frame_equal(table.features, same.features)
    assert table.target.tolist() == same.target.tolist()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (random.Random(0).randbytes(4_000), "not text in UTF-8"),
        (csv(*GOOD).decode().encode("utf-16-le"), "not text in UTF-8: it is text in UTF-16"),
        (
            csv(*GOOD, "30,\u00e9,1,0.5,no").decode().encode("latin-1"),
            r"not text in UTF-8: .*position \d+.* Save it as UTF-8",
        ),
        (b"PAR1\x15\x04\xff\xfe" * 9, "the Parquet file cannot be read: .* Check whether it was cut"),
        (b'[{"Age": 3, "Class": "A"}, {"Age": 4, "Class": "B"}]', "the file is a JSON array, not a CSV table"),
        (b'{"Age": 3, "Class": "A"}\n{"Age": 4, "Class": "B"}\n', "the file is several JSON objects, not a CSV table"),
        (
            b"\n".join([b"prediction_id", *[b"eebec1b3-9ffd-4c0d-b0e6-4b0b209d730e"] * 50]),
            "Age: is missing from the table",
        ),
        (b'"' + b"x" * 200_000 + b'";2\n', "larger than field limit"),
        (csv(*GOOD, '50,"A'), "line 5: unexpected end of data"),
        (csv(*GOOD, "50,A"), "row 4, cells: are 2 .*5, as in the header"),
        (csv(GOOD[0] + ",9", *GOOD[1:]), "row 1, cells: are 6 .*5, as in the header"),
        (csv(*(row + ",9" for row in GOOD)), "header: has 5 names, but 3 of 3 rows have 6 cells .*6 names"),
        (csv(*GOOD * 10, "50,A,1"), "row 31, cells: are 3 .*5, as in the header"),
        (
            csv(*(f"{at},{row}" for at, row in enumerate(GOOD * 10)), "1,A"),
            "header: has 5 .* 30 of 31 .* row 31, cells: are 2",
        ),
        (csv(GOOD[0] + ",", *GOOD[1:]), "row 1, cells: are 6 .*5, as in the header"),
        (csv(*GOOD, header="Age, Age,Stars,Weight,Y"), "Age: stands more than once in the header, as columns 1 and 2"),
        (csv(), "the table has no rows"),
        (
            csv(*(row.partition(",")[2] for row in GOOD), header="Class,Stars,Weight,Y"),
            "Age: is missing from the table",
        ),
        (csv(*GOOD, header="Age,Class,Stars,Weight,Z"), "Y: is missing from the table; it has Age, Class, Stars, Wei"),
        (csv(*GOOD, header="age,Class,Stars,Weight,Y"), r"Age: is missing from the table; did you mean 'age'\?"),
        (csv(*GOOD, header="Age,Class,Star s,Weight,Y"), r"Stars: is missing .* did you mean 'Star s'\?"),
        (csv(*GOOD, header="Age,Class,Stars,_weight_,Y"), r"Weight: is missing .* did you mean '_weight_'\?"),
        (csv(*GOOD, header="Age,Class,Stars,Wieght,Y"), r"Weight: is missing .* did you mean 'Wieght'\?"),
        (b"<html><body>Access denied</body></html>", "the file is an HTML page, not a CSV table"),
    ],
    ids=[
        "empty",
        "blank lines",
        "binary junk",
        "UTF-16 without a mark",
        "Latin-1",
        "Parquet",
        "a JSON array",
        "JSON lines",
        "one column of words",
        "an endless header",
        "cut in a quote",
        "cut in a row",
        "a long row",
        "long rows",
        "one short row of many",
        "nearly all rows long",
        "a comma too many",
        "a doubled column",
        "no rows",
        "no such feature",
        "no target",
        "another letter case",
        "a space",
        "underscores",
        "a slip",
        "a web page",
    ],
)
def test_a_corrupted_file_is_refused_with_the_reason(tiny_contract, body, why):
    with pytest.raises(InvalidTable, match=why):
        clean(tiny_contract(), read_table(body).cells)


@pytest.mark.parametrize(
    ("bad", "column", "allowed"),
    [
        ("old,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("30.5,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("121,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("nan,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("inf,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("0x1A,A,1,0.5,yes", "Age", "a whole number from 0 to 120"),
        ("30,C,1,0.5,yes", "Class", "one of A, B"),
        ("30,0,1,0.5,yes", "Class", "one of A, B"),
        ("30,A,4,0.5,yes", "Stars", "one of 1, 2, 3"),
        ("30,A,1,1.51,yes", "Weight", "a number from -1.5 to 1.5"),
        ("30,A,1,half,yes", "Weight", "a number from -1.5 to 1.5"),
        ("30,A,1,0.5,maybe", "Y", "one of no, yes"),
        ("30,A,1,0.5,", "Y", "one of no, yes"),
        ("30,A,1,0.5,?", "Y", "one of no, yes"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(tiny_contract, bad, column, allowed):
    (fault,) = refused(tiny_contract(), csv(*GOOD, bad, *GOOD)).faults
    assert (fault.row, fault.field, fault.allowed.partition(". If")[0]) == (4, column, allowed)
    assert repr(fault.given) in fault.problem


def test_a_column_without_a_name_is_named_by_its_position(tiny_contract):
    rows = [f"{at},{row},,x" for at, row in enumerate(GOOD)]
    columns = list(read_table(csv(*rows, header=f",{HEADER},,")).cells.columns)
    assert columns == ["column 1 (no name)", *HEADER.split(","), "column 8 (no name)"]
    (warning,) = column_warnings(tiny_contract(), columns)
    assert "'column 1 (no name)', 'column 8 (no name)'" in warning


@pytest.mark.parametrize("text", ["NA", "NaN", "NULL", "None", "n/a", "null", "-", "#N/A"])
def test_what_usually_means_missing_is_proposed_as_a_token_and_then_is_one(tiny_contract, text):
    bad = csv(*GOOD, f"{text},{text},{text},{text},no")
    proposal = f"If '{text}' means that it is not known, add it to missing_tokens in the contract's [table]"
    faults = refused(tiny_contract(), bad).faults
    assert [fault.field for fault in faults] == ["Age", "Class", "Stars", "Weight"]
    assert all(proposal in fault.allowed for fault in faults)
    contract = tiny_contract(change=lambda file: file["table"].update(missing_tokens=["?", text]))
    assert clean(contract, read_table(bad).cells).features.iloc[3].isna().all()


@pytest.mark.parametrize("text", ["", "NA", "?"])
def test_a_row_whose_target_is_not_known_is_to_be_left_out(tiny_contract, text):
    (fault,) = refused(tiny_contract(), csv(*GOOD, f"30,A,1,0.5,{text}")).faults
    assert "leave these rows out" in fault.allowed


def test_bad_cells_of_all_columns_are_named_and_many_are_counted(tiny_contract):
    error = refused(tiny_contract(), csv(*GOOD, *["-1,Z,1,0.5,yes"] * 30))
    assert [fault.row for fault in error.faults if fault.field == "Age"] == [4, 5, 6, 7, 8]
    assert {fault.field for fault in error.faults} == {"Age", "Class"}
    assert "(30 rows in all)" in str(error)


def test_a_regression_target_must_be_a_finite_number(tiny_contract):
    contract = tiny_contract("regression")
    rows = [f"30,A,1,0.5,{target}" for target in ("1.5", "", "inf", "many")]
    assert [fault.row for fault in refused(contract, csv(*rows)).faults] == [2, 3, 4]
    table = clean(contract, read_table(csv(rows[0], "30,A,1,0.5,-7")).cells)
    assert table.target.tolist() == [1.5, -7]
    assert not table.has_classes


def test_a_multiclass_target_is_the_position_of_its_class(tiny_contract):
    rows = [f"30,A,1,0.5,{label}" for label in ("high", "low", "mid")]
    assert clean(tiny_contract("multiclass"), read_table(csv(*rows)).cells).target.tolist() == [2, 0, 1]


def test_the_positive_class_is_taken_by_name_not_by_place(tiny_contract):
    def turned(file):
        file["target"]["classes"] = ["yes", "no"]

    assert clean(tiny_contract(change=turned), read_table(csv(*GOOD)).cells).target.tolist() == [1, 0, 0]


def test_an_ordinal_may_stand_as_its_code_in_a_table(contract):
    columns = {feature.column: [feature.example] * 2 for feature in contract.features}
    columns |= {"Income_Category": ["2", "$60K - $80K"], "Attrition_Flag": ["Existing Customer", "Attrited Customer"]}
    table = clean(contract, read_table(pd.DataFrame(columns).to_csv(index=False).encode()).cells)
    assert table.features["income_category"].tolist() == ["$60K - $80K"] * 2


def test_taking_rows_keeps_the_parts_together(tiny_contract):
    table = clean(tiny_contract(), read_table(csv(*GOOD)).cells).take(np.array([1, 0]))
    assert table.features["age in years"].tolist() == [40, 30]
    assert table.target.tolist() == [0, 1]
    assert table.raw_target.tolist() == ["no", "yes"]
    assert len(table) == 2


def test_public_records_are_plain_json_values(tiny_contract):
    records = public_records(tiny_contract(), clean(tiny_contract(), read_table(csv(*GOOD)).cells).features)
    assert records[0] == {"age in years": 30, "class": "A", "stars": "1", "weight": 0.5}
    assert [type(value) for value in records[0].values()] == [int, str, str, float]
    assert set(records[2].values()) == {None}


def test_training_encodes_awkward_rows_as_serving_does(tiny_contract):
    contract = tiny_contract()
    table = clean(contract, read_table(csv(*GOOD, "0,b,2,-1.5,no", "120,a,1.0,1.5,no")).cells)
    codec = RowCodec(contract)
    served = matrix([codec.parse(record) for record in public_records(contract, table.features)])
    np.testing.assert_array_equal(encode(contract, table.features), served)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("credit_card_churn", "BankChurners.csv"),
        ("credit_card_churn_full", "BankChurners.csv"),
        ("telecom_churn", "telecom_churn.csv"),
    ],
)
def test_training_encodes_every_real_row_as_serving_does(real_tables, name, file):
    contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
    raw = read_table((real_tables / file).read_bytes()).cells
    table = clean(contract, raw)
    codec = RowCodec(contract)
    served = matrix([codec.parse(record) for record in public_records(contract, table.features)])
    np.testing.assert_array_equal(encode(contract, table.features), served)
    assert table.target.sum() == {"BankChurners.csv": 1627, "telecom_churn.csv": 598}[file]
    assert len(table) == len(raw) == {"BankChurners.csv": 10_127, "telecom_churn.csv": 4_250}[file]


def test_unknown_is_kept_as_missing_in_the_real_table(real_tables, contract):
    raw = read_table((real_tables / "BankChurners.csv").read_bytes()).cells
    table = clean(contract, raw)
    assert table.features["education_level"].isna().sum() == (raw["Education_Level"] == "Unknown").sum() == 1519
    assert table.features["income_category"].isna().sum() == 1112
