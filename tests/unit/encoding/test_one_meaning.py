"""One value has one meaning: every spelling of a category is the same category to every reader."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from datetime import UTC, datetime

import msgspec
import pytest

from server.api.batch import rows_of_array, rows_of_lines
from server.scoring.model import ready_model
from server.stream.batch import predict
from tabular.contract.loading import contract_from_json
from tabular.data.reading import read_table
from tabular.data.table import clean
from tabular.encoding.columns import ColumnCodec
from tabular.encoding.row import RowCodec
from tabular.errors import BrokenBundle, InvalidTable, Rejected
from tabular.labels.file import read_label_file
from tabular.model.bundle import read_bundle
from tabular.model.bundle_files import MANIFEST
from tabular.ports.streams import StreamRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def read_labels(body, contract):
    return read_label_file(body, contract, NOON)


FEATURES = {
    "rating": ("ordinal", ["1", "2", "3", "4", "5"]),
    "member": ("category", ["False", "True"]),
    "area": ("category", ["408", "415", "0.5"]),
    "size": ("ordinal", ["small", "medium", "large", "huge"]),
    "insured": ("boolean", ["no", "yes"]),
}
SPELLINGS = {
    "3": [("rating", text) for text in (3, 3.0, "3", " 3 ", "3.0", "+3", "03", "3e0")],
    "True": [("member", text) for text in (True, "True", "TRUE", "true", " tRue ")],
    "False": [("member", text) for text in (False, "False", "FALSE", "false")],
    "415": [("area", text) for text in (415, 415.0, "415", " 415 ", "415.0", "4.15e2")],
    "0.5": [("area", text) for text in (0.5, "0.5", ".50", 5e-1)],
    "huge": [("size", text) for text in (3, 3.0, "3", " 3 ", "3.0", "Huge", "HUGE")],
    "yes": [("insured", text) for text in (True, 1, 1.0, "1", " 01.0", "true", "TRUE", "yes", " Yes ")],
    "no": [("insured", text) for text in (False, 0, -0.0, "0", "0.0", "false", "FALSE", "no", "NO")],
    "small": [("size", text) for text in (0, -0.0, "0", "small", " SMALL")],
    None: [(name, text) for name in FEATURES for text in (None, "", " ", "NA", "na", " Na ", "-1", "-1.0", -1, -1.0)],
}
VERY_LARGE = ("9999999999999999", "1e20", str(-(2**63)), "-1.7976931348623157E+308", "9.96920996838687e+36")
"""How other programs write what is not known."""
CASES = [(name, text, meant) for meant, spellings in SPELLINGS.items() for name, text in spellings]


@pytest.fixture(scope="module")
def contract():
    features = [
        {"name": name, "column": name, "kind": kind, "categories": known, "example": known[1], "description": "Any."}
        for name, (kind, known) in FEATURES.items()
    ]
    score = {"name": "score", "column": "score", "kind": "number", "range": [-5, 5], "example": 1, "description": "x"}
    span = score | {"name": "span", "column": "span", "range": [0, 1e38]}
    file = {
        "table": {"name": "t", "title": "T", "task": "binary", "missing_tokens": ["NA", "-1", *VERY_LARGE]},
        "target": {"column": "Y", "classes": ["no", "yes"], "positive": "yes"},
        "reply": {"prediction_key": "p"},
        "features": [*features, span, score],
    }
    return contract_from_json(msgspec.json.encode(file))


@pytest.fixture(scope="module")
def model(make_bundle, contract):
    return ready_model("r" * 32, make_bundle(contract, rows=100))


def cell(value):
    """A value as pandas writes it into a CSV."""
    return "" if value is None else str(value)


def in_table(model, record):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows([[*record, "Y"], [*map(cell, record.values()), "no"]])
    features = clean(model.bundle.contract, read_table(file.getvalue().encode()).cells).features
    return [None if isinstance(value, float) and math.isnan(value) else value for value in features.iloc[0]]


def by_itself(model, record):
    return list(model.bundle.codec.decode(json.dumps(record).encode()).values)


def after_json(model, record):
    return list(model.bundle.codec.parse(record).values)


def second(rows):
    return [part.columns.row(at) for part in rows.parts for at in range(len(part.columns))][1]


def in_array(model, record):
    return second(rows_of_array(model, json.dumps([model.bundle.contract.example, record]).encode(), 10))


def in_lines(model, record):
    lines = [model.bundle.contract.example, record]
    return second(rows_of_lines(model, "\n".join(map(json.dumps, lines)).encode(), 10))


def on_stream(model, record):
    (made,) = predict(model, [StreamRecord("s@1", "0", "1", "k", json.dumps(record).encode(), NOON)]).predictions
    return list(made.row.values())


READERS = [in_table, by_itself, after_json, in_array, in_lines, on_stream]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("name", "spelling", "meant"), CASES, ids=repr)
def test_every_spelling_means_the_same_category_to_every_reader(model, read, name, spelling, meant):
    record = model.bundle.contract.example | {name: spelling}
    assert read(model, record)[list(record).index(name)] == meant


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("spelling", [-1, -1.0])
def test_a_number_that_is_a_missing_token_is_missing_though_the_range_holds_it(model, read, spelling):
    assert read(model, model.bundle.contract.example | {"score": spelling})[-1] is None


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["score", "span"])
@pytest.mark.parametrize("token", VERY_LARGE)
def test_a_missing_token_may_be_a_number_of_any_size(model, read, name, token):
    for spelling in (float(token), int(float(token))):
        values = read(model, model.bundle.contract.example | {name: spelling})
        assert values[model.bundle.contract.feature_names.index(name)] is None


@pytest.mark.parametrize("text", ["9999999999999999", "9999999999999999.0", "1e16", "1e+16"])
def test_a_missing_token_that_no_double_holds_is_missing_in_a_target_and_a_label_as_well(tiny_contract, text):
    contract = tiny_contract("regression", lambda file: file["table"].update(missing_tokens=["9999999999999999"]))
    labels = read_labels(f"prediction_id,outcome\none,0.5\nother,{text}\n".encode(), contract)
    assert ([(one.prediction_id, one.outcome) for one in labels.known], labels.blank) == ([("one", 0.5)], 1)
    with pytest.raises(InvalidTable, match="no missing token"):
        clean(contract, read_table(f"Age,Class,Stars,Weight,Y\n30,A,1,0.5,{text}\n".encode()).cells)


@pytest.mark.parametrize(
    ("classes", "spellings"),
    [
        (["1", "2", "3"], ["3", " 3 ", "3.0", "3e0"]),
        (["False", "maybe", "True"], ["True", "TRUE", " true "]),
        (["no", "so", "Yes"], ["Yes", "yes", "YES "]),
    ],
)
def test_every_spelling_of_a_class_is_the_same_label_and_the_same_target(tiny_contract, classes, spellings):
    contract = tiny_contract("multiclass", lambda file: file["target"].update(classes=classes))
    labels = "\n".join(["prediction_id,outcome", *(f"id{at},{text}" for at, text in enumerate(spellings))])
    assert {label.outcome for label in read_labels(labels.encode(), contract).known} == {classes[2]}
    table = "\n".join(["Age,Class,Stars,Weight,Y", *(f"30,A,1,0.5,{text}" for text in spellings)])
    cleaned = clean(contract, read_table(table.encode()).cells)
    assert cleaned.target.tolist() == [2] * len(spellings)
    assert set(cleaned.raw_target) == {classes[2]}


def test_a_number_that_is_no_category_is_a_new_one_where_categories_are_numbers_and_refused_elsewhere(model):
    example = model.bundle.contract.example
    row = model.bundle.codec.decode(json.dumps(example | {"area": 510, "rating": 0, "member": "1"}).encode())
    assert row.unknown == ("rating", "member", "area")
    assert row.values[:3] == ("0", "1", "510")
    for name, value in [("size", 4), ("size", -2), ("size", 1.5), ("size", True), ("member", 1), ("area", True)]:
        with pytest.raises(Rejected, match=name):
            model.bundle.codec.decode(json.dumps(example | {name: value}).encode())


@pytest.mark.parametrize("cell", ["6", "0", "four"])
def test_a_cell_that_is_no_category_is_refused(model, cell):
    with pytest.raises(InvalidTable, match="rating: holds"):
        in_table(model, model.bundle.contract.example | {"rating": cell})


def test_a_missing_token_is_no_target_and_no_label(tiny_contract):
    contract = tiny_contract("regression", lambda file: file["table"].update(missing_tokens=["-1"]))
    with pytest.raises(InvalidTable, match=r"row 1, Y: holds '-1\.0' .*no missing token \(-1\)"):
        clean(contract, read_table(b"Age,Class,Stars,Weight,Y\n30,A,1,0.5,-1.0\n").cells)
    assert read_labels(b"prediction_id,outcome\na,-1.0\n", contract) == ([], 1)


NUMBERS = ["12", "12.0", "1.2e1", " 12 ", "+12", "012"]
NO_NUMBERS = ["1,200", "1_2", "0x0C", "\uff11\uff12", "twelve", "NaN", "inf", "Infinity", "True", "2024-01-01", "12%"]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_in_a_cell_is_what_it_is_in_json(tiny_contract, text):
    contract = tiny_contract()
    table = clean(contract, read_table(f"Age,Class,Stars,Weight,Y\n{text},A,1,0.5,no\n".encode()).cells)
    assert table.features["age in years"].tolist() == [12]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused_by_every_reader(tiny_contract, text):
    contract = tiny_contract()
    with pytest.raises(InvalidTable, match="Age: holds"):
        clean(contract, read_table(f'Age,Class,Stars,Weight,Y\n"{text}",A,1,0.5,no\n'.encode()).cells)
    with pytest.raises(Rejected, match="age in years: is not a number"):
        RowCodec(contract).parse(contract.example | {"age in years": text})
    regression = tiny_contract("regression")
    with pytest.raises(InvalidTable):
        clean(regression, read_table(f'Age,Class,Stars,Weight,Y\n30,A,1,0.5,"{text}"\n'.encode()).cells)
    with pytest.raises(InvalidTable):
        read_labels(f'prediction_id,outcome\na,"{text}"\n'.encode(), regression)


def test_a_number_of_a_table_is_the_double_that_json_makes_of_it(tiny_contract):
    contract = tiny_contract()
    texts = [repr(at / 7919) for at in range(2_000)]
    table = clean(
        contract, read_table("\n".join(["Age,Class,Stars,Weight,Y", *(f"30,A,1,{t},no" for t in texts)]).encode()).cells
    )
    assert table.features["weight"].tolist() == [json.loads(text) for text in texts]


def test_the_usual_spellings_are_read_together(model):
    columns = ColumnCodec(model.bundle.contract, model.bundle.codec)
    records = [
        model.bundle.contract.example | changes
        for changes in ({"rating": 3}, {"member": True}, {"member": False, "area": 415}, {"size": 2, "score": 1.5})
    ]
    assert columns.array(json.dumps(records).encode(), 10) is not None


def test_a_bundle_made_when_a_number_was_always_a_position_loads_and_scores_as_it_did(make_bundle, contract, tmp_path):
    made = make_bundle(contract, tmp_path / "old", rows=100)
    golden = msgspec.json.decode((made.folder / "golden.json").read_bytes())
    for one in golden:
        one["record"]["rating"] = FEATURES["rating"][1].index(one["record"]["rating"])
    replace_file(made.folder, "golden.json", msgspec.json.encode(golden))
    read_bundle(made.folder).verify()


def test_a_bundle_whose_contract_has_two_meanings_is_refused_by_field(make_bundle, contract, tmp_path):
    made = make_bundle(contract, tmp_path / "odd", rows=100)
    file = msgspec.json.decode((made.folder / "contract.json").read_bytes())
    file["features"][0]["categories"] = ["1", "2", "2.0", "4", "5"]
    replace_file(made.folder, "contract.json", msgspec.json.encode(file))
    with pytest.raises(BrokenBundle, match=r"rating: category '2' and '2\.0' are one value.*train again"):
        read_bundle(made.folder)


def replace_file(folder, name, body):
    (folder / name).write_bytes(body)
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes())
    manifest["files"][name] = hashlib.sha256(body).hexdigest()
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
