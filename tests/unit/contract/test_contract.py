"""The contract file: the three that ship are good, and every mistake is named by its key."""

from __future__ import annotations

import re
from contextlib import nullcontext

import msgspec
import pytest

from embedded.layout import PROJECT
from tabular.contract.canonical import LARGEST_NUMBER
from tabular.contract.json_schema import allowed
from tabular.contract.loading import contract_from_json, load_contract
from tabular.contract.validation import OUR_CATEGORIES, OUR_COLUMNS, PRESENCE
from tabular.encoding.row import RowCodec
from tabular.errors import InvalidContract, InvalidRow
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.window import MISSING_CATEGORY, UNKNOWN_CATEGORY, presence

SHIPPED = ["credit_card_churn", "credit_card_churn_full", "telecom_churn"]


@pytest.fixture(params=SHIPPED)
def shipped(request):
    return load_contract(PROJECT / "contracts" / f"{request.param}.toml")


def first(file):
    return file["features"][0]


def feature(file, kind):
    return next(feature for feature in file["features"] if feature["kind"] == kind)


BAD = {
    "shares beyond the whole": (
        lambda file: file.update(split={"shares": [0.6, 0.3, 0.2]}),
        r"split\.shares: must be the shares of train, validation and test, .* together 1",
    ),
    "a part of nothing": (
        lambda file: file.update(split={"shares": [0.8, 0.2, 0]}),
        r"split\.shares: .* 0\.05 or more",
    ),
    "the target as the time": (
        lambda file: file.update(split={"time_column": "Y"}),
        r"split\.time_column: Y is the target",
    ),
    "the id as the group": (
        lambda file: (file["table"].update(id_column="Id"), file.update(split={"group_column": "Id"})),
        r"split\.group_column: Id is also table\.id_column",
    ),
    "a time column that is none": (
        lambda file: file.update(split={"time_column": "Day", "not_time_columns": ["Day"]}),
        r"split\.not_time_columns: Day is split\.time_column",
    ),
    "a group column that is none": (
        lambda file: file.update(split={"group_column": "Who", "not_group_columns": ["Who"]}),
        r"split\.not_group_columns: Who is split\.group_column",
    ),
    "one fold": (lambda file: file.update(split={"folds": 1}), r"split\.folds: must be a whole number from 2 to 20"),
    "no repeat": (lambda file: file.update(split={"repeats": 0}), r"split\.repeats: must be a whole number from 1"),
    "a negative floor": (
        lambda file: file.update(split={"cross_validate_below_rows": -1}),
        r"split\.cross_validate_below_rows: must be 0 \(never\) or more",
    ),
    "a gap beyond 1": (
        lambda file: file.update(split={"max_forward_gap": 2}),
        r"split\.max_forward_gap: must be from 0",
    ),
    "an amount of nothing": (
        lambda file: file.update(evaluation={"off_by_more_than": 0}),
        r"evaluation\.off_by_more_than: must be above 0 and below 1, for a probability, not 0",
    ),
    "a limit below which no probability is": (
        lambda file: file["target"].update(non_negative=True),
        r"target: non_negative is for a regression, not for a binary task",
    ),
    "training.families": (lambda file: file.update(training={"families": ["oracle"]}), "oracle"),
    "a family twice": (lambda file: file.update(training={"families": ["linear"] * 2}), r"training\.families: linear"),
    "training.max_rounds": (lambda file: file.update(training={"max_rounds": 0}), r"training\.max_rounds: .+ not 0"),
    "an unknown hyperparameter": (
        lambda file: file.update(training={"linear": {"depth": [1, 2]}}),
        r"training\.linear\.depth: is no hyperparameter .+ There are: l2_penalty",
    ),
    "a searched range upside down": (
        lambda file: file.update(training={"xgboost": {"learning_rate": [0.2, 0.1]}}),
        r"training\.xgboost\.learning_rate: must be \[lowest, highest\] within 0\.001 to 1, not \[0\.2, 0\.1\]",
    ),
    "half a level of depth": (
        lambda file: file.update(training={"forest": {"max_depth": [1.5, 3]}}),
        r"training\.forest\.max_depth: takes whole numbers",
    ),
    "table.task": (lambda file: file["table"].update(task="ranking"), "task"),
    "table.name": (lambda file: file["table"].update(name="../other"), r"table\.name.*\.\./other"),
    "an unknown key": (lambda file: file["table"].update(colour="red"), "colour"),
    "a missing key": (lambda file: file["reply"].clear(), "prediction_key"),
    "no feature": (lambda file: file["features"].clear(), "names must be there"),
    "a name that JSON escapes": (lambda file: first(file).update(name='6" pipes'), "quote"),
    "two features of one name": (lambda file: first(file).update(name="class"), "distinct"),
    "two features of one column": (lambda file: first(file).update(column="Class"), "column Class is used twice"),
    "the target as a feature": (lambda file: first(file).update(column="Y"), "column Y is the target"),
    "the id as a feature": (lambda file: file["table"].update(id_column="Age"), "column Age is the target, the id"),
    "a dropped feature": (lambda file: file["table"].update(dropped_columns=["Age"]), "column Age is .* or dropped"),
    "an unknown kind": (lambda file: first(file).update(kind="date"), "kind"),
    "no range": (lambda file: first(file).pop("range"), "age in years: kind integer needs range"),
    "a range upside down": (lambda file: first(file).update(range=[9, 1]), "age in years: kind integer needs range"),
    "an integer beyond 64 bits": (
        lambda file: first(file).update(range=[0, 1e20]),
        r"age in years: range reaches beyond 9,007,199,254,740,992, .* kind = \"number\"",
    ),
    "an integer that 64 bits hold and a double does not": (
        lambda file: first(file).update(range=[-(2**62), 0], example=-1),
        "age in years: range reaches beyond",
    ),
    "no whole number in the range": (
        lambda file: first(file).update(range=[0.2, 0.8], example=0.5),
        "age in years: range holds no whole number",
    ),
    "a number beyond single precision": (
        lambda file: feature(file, "number").update(range=[0, 1e300]),
        r"weight: range reaches beyond 3.4\d*e\+38, the largest that a model takes",
    ),
    "a range that a model cannot tell apart": (
        lambda file: first(file).update(range=[1_700_000_000, 1_700_000_010], example=1_700_000_001),
        "age in years: the ends of range are one number in single precision",
    ),
    "an empty name": (lambda file: first(file).update(name=" "), "the name of column 'Age' is empty"),
    "a name of the reference": (lambda file: first(file).update(name="__score__"), "'__score__' is a name of ours"),
    "a name of a probability": (
        lambda file: first(file).update(name="__probability_0__"),
        "'__probability_0__' is a name of ours",
    ),
    "a name of drift": (
        lambda file: feature(file, "category").update(name="weight is there"),
        "'weight is there' is a name of ours",
    ),
    "a category that drift uses": (
        lambda file: feature(file, "category").update(categories=["A", "(unknown)"]),
        "of ours in",
    ),
    "a column with spaces": (lambda file: first(file).update(column=" Age"), "' Age' is empty or has spaces around it"),
    "a target of no name": (lambda file: file["target"].update(column=""), "target.column: '' is empty"),
    "a business key that is a feature": (
        lambda file: file["table"].update(business_key="age in years"),
        r"table\.business_key: 'age in years' is a feature or its column",
    ),
    "a business key that is a key of the response": (
        lambda file: file["table"].update(business_key="prediction_id"),
        r"table\.business_key: 'prediction_id' is another key of the response",
    ),
    "a business key that is the prediction's key": (
        lambda file: file["table"].update(business_key="chance"),
        r"table\.business_key: 'chance' is another key of the response",
    ),
    "a business key that is a key of a label": (
        lambda file: file["table"].update(business_key="outcome"),
        r"table\.business_key: 'outcome' is another key of a label",
    ),
    "the target as business key": (
        lambda file: file["table"].update(business_key="Y"),
        r"table\.business_key: 'Y' is the target",
    ),
    "a business key with spaces": (
        lambda file: file["table"].update(business_key=" id"),
        r"table\.business_key: ' id' is empty, has spaces",
    ),
    "a label window of nothing": (
        lambda file: file["table"].update(label_window_days=0),
        r"table\.label_window_days: must be above 0",
    ),
    "a label window without an end": (
        lambda file: file["table"].update(label_window_days=4000),
        r"table\.label_window_days: must be above 0 and at most 3660 days, not 4000",
    ),
    "the target as the id": (lambda file: file["table"].update(id_column="Y"), "target.column: Y is the id or dropped"),
    "a dropped target": (lambda file: file["table"].update(dropped_columns=["Y"]), "target.column: Y is the id or dro"),
    "a reply key of the results": (
        lambda file: file["reply"].update(prediction_key="shard"),
        "another key of the resp",
    ),
    "an empty reply key": (lambda file: file["reply"].update(prediction_key=""), r"reply\.prediction_key: '' is"),
    "a number with categories": (
        lambda file: first(file).update(categories=["a", "b"]),
        "age in years: .* no categories",
    ),
    "one category": (lambda file: feature(file, "category").update(categories=["A"]), "class: kind category needs two"),
    "categories alike": (
        lambda file: feature(file, "category").update(categories=["A", "a"]),
        "'A' and 'a' are one value",
    ),
    "categories of one number": (
        lambda file: feature(file, "ordinal").update(categories=["2", "2.0"]),
        "'2' and '2.0' are one",
    ),
    "categories of one boolean": (
        lambda file: feature(file, "category").update(categories=["True", "TRUE", "A"]),
        "class: category 'True' and 'TRUE' are one value",
    ),
    "categories of two encodings": (
        lambda file: feature(file, "category").update(categories=["A", "\u00e9", "e\u0301"]),
        "class: category .* are one value",
    ),
    "a category that is a missing number": (
        lambda file: (
            file["table"].update(missing_tokens=["3.0"]),
            feature(file, "ordinal").update(categories=["1", "2", "3"]),
        ),
        "stars: category '3' is a missing token",
    ),
    "a code that means missing": (
        lambda file: (
            file["table"].update(missing_tokens=["0"]),
            feature(file, "ordinal").update(categories=["low", "high"], example="low"),
        ),
        "stars: the missing token '0' is also the code of category 'low'",
    ),
    "an example that means missing": (
        lambda file: file["table"].update(missing_tokens=["30"]),
        "age in years: example 30 is not a value",
    ),
    "a category with spaces": (
        lambda file: feature(file, "category").update(categories=["A", " B"]),
        "' B' is empty or has",
    ),
    "an empty category": (lambda file: feature(file, "category").update(categories=["A", ""]), "'' is empty"),
    "a category that means missing": (
        lambda file: feature(file, "category").update(categories=["A", "?"]),
        "'\\?' is a mis",
    ),
    "labels with a range": (lambda file: feature(file, "category").update(range=[0, 1]), "class: .* no range"),
    "an example out of range": (lambda file: first(file).update(example=500), "age in years: example 500"),
    "an example of no integer": (lambda file: first(file).update(example=1.5), r"age in years: example 1\.5"),
    "an example of no category": (lambda file: feature(file, "category").update(example="Z"), "class: example 'Z'"),
    "three classes of two": (lambda file: file["target"].update(classes=["a", "b", "yes"]), "needs 2, not 3"),
    "classes alike": (
        lambda file: file["target"].update(classes=["yes", "yes"]),
        r"target\.classes: class 'yes' and 'yes'",
    ),
    "classes in two letter cases": (
        lambda file: file["target"].update(classes=["Yes", "yes"]),
        r"target\.classes: class 'Yes' and 'yes' are one value",
    ),
    "classes of one number": (
        lambda file: file["target"].update(classes=["1", "1.0"], positive="1"),
        r"target\.classes: class '1' and '1\.0' are one value",
    ),
    "a class that means missing": (
        lambda file: file["target"].update(classes=["?", "yes"]),
        r"target\.classes: class '\?' is a missing token",
    ),
    "no positive class": (lambda file: file["target"].pop("positive"), r"target\.positive: must be one of"),
    "a foreign positive class": (lambda file: file["target"].update(positive="maybe"), "'maybe'"),
    "a slice of no feature": (lambda file: file["table"].update(slice_features=["size"]), "size is not a feature"),
    "a reply key in use": (lambda file: file["reply"].update(prediction_key="warnings"), "another key of the response"),
    "shares of the wrong number": (
        lambda file: feature(file, "category").update(synthetic={"shares": [1]}),
        r"class: synthetic\.shares needs 2 weights",
    ),
    "a negative share": (
        lambda file: feature(file, "category").update(synthetic={"shares": [2, -1]}),
        r"class: synthetic\.shares",
    ),
    "quantiles that fall": (
        lambda file: first(file).update(synthetic={"quantiles": [3, 1]}),
        r"age in years: synthetic\.quantiles",
    ),
    "an impossible missing share": (
        lambda file: first(file).update(synthetic={"missing_share": 1.2}),
        r"age in years: synthetic\.missing_share",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_contract_is_refused_by_key(tiny_contract, name):
    change, named = BAD[name]
    with pytest.raises(InvalidContract, match=named):
        tiny_contract(change=change)


def test_every_mistake_is_named_at_once(tiny_contract):
    def change(file):
        first(file).pop("range")
        file["target"]["positive"] = "maybe"

    with pytest.raises(InvalidContract, match=r"age in years.*target\.positive"):
        tiny_contract(change=change)


def test_only_a_binary_task_has_a_positive_class(tiny_contract):
    with pytest.raises(InvalidContract, match="only a binary task"):
        tiny_contract("multiclass", lambda file: file["target"].update(positive="low"))


def test_a_regression_has_no_classes(tiny_contract):
    with pytest.raises(InvalidContract, match="a regression task needs 0, not 2"):
        tiny_contract("regression", lambda file: file["target"].update(classes=["a", "b"]))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_has_a_contract(tiny_contract, task):
    assert tiny_contract(task).table.task == task


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidContract, match=r"no contract file at .*none\.toml"):
        load_contract(tmp_path / "none.toml")


@pytest.mark.parametrize("body", [b"", b"= x", b"\xff\xfe\x00", b"[table]\nname = 1"])
def test_a_file_that_is_no_contract_is_named(tmp_path, body):
    (tmp_path / "bad.toml").write_bytes(body)
    with pytest.raises(InvalidContract, match=r"bad\.toml"):
        load_contract(tmp_path / "bad.toml")


def test_a_range_must_be_finite(tmp_path):
    text = (PROJECT / "contracts" / "telecom_churn.toml").read_text().replace("[0, 1200]", "[0, inf]")
    (tmp_path / "endless.toml").write_text(text)
    with pytest.raises(InvalidContract, match=r"account_length: .* both finite"):
        load_contract(tmp_path / "endless.toml")


ENDLESS = {
    "shares": ("shares = [0.95, nan]", r"synthetic\.shares"),
    "huge shares": ("shares = [1e308, 1e308]", r"synthetic\.shares"),
    "effect": ("effect = inf", r"synthetic\.effect must be a finite number"),
    "missing share": ("missing_share = nan", r"synthetic\.missing_share"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_synthetic_rows_are_drawn_by_must_be_finite(tmp_path, name):
    entry, named = ENDLESS[name]
    text = (PROJECT / "contracts" / "telecom_churn.toml").read_text()
    changed = re.sub(r"(categories = \[[^]]*\]\n)synthetic = .*", rf"\1synthetic = {{ {entry} }}", text)
    assert changed != text
    (tmp_path / "endless.toml").write_text(changed)
    with pytest.raises(InvalidContract, match=named):
        load_contract(tmp_path / "endless.toml")


def test_quantiles_must_be_finite(tmp_path):
    text = re.sub(
        r"quantiles = \[.*?\]", "quantiles = [0, inf]", (PROJECT / "contracts/telecom_churn.toml").read_text()
    )
    (tmp_path / "endless.toml").write_text(text)
    with pytest.raises(InvalidContract, match=r"synthetic\.quantiles"):
        load_contract(tmp_path / "endless.toml")


def test_our_names_are_those_in_use():
    assert {REFERENCE_TARGET, REFERENCE_SCORE, REFERENCE_CLASS} == OUR_COLUMNS
    assert {MISSING_CATEGORY, UNKNOWN_CATEGORY} == OUR_CATEGORIES
    assert presence("x") == PRESENCE.format("x")


def test_the_largest_ranges_and_odd_names_can_be_served(make_bundle, tiny_contract):
    names = ["education.num", "$cost", "income[k]", "gr\u00f6\u00dfe", "click rate <1m>", "_id", "a/b", "row"]

    def change(file):
        integer, number = first(file), feature(file, "number")
        integer["range"], number["range"] = [-(2**53), 2**53], [-LARGEST_NUMBER, LARGEST_NUMBER]
        file["features"] += [number | {"name": name, "column": name, "range": [0.5, 10.5]} for name in names]
        file["features"] += [integer | {"name": "whole", "column": "w", "range": [-2.5, 2.5], "example": 2}]

    made = make_bundle(tiny_contract(change=change), rows=100)
    made.verify()
    for number, is_read in ((2**53, True), (2**53 + 1, False)):
        body = msgspec.json.encode(made.contract.example | {"age in years": number})
        with nullcontext() if is_read else pytest.raises(InvalidRow, match="out of the plausible range"):
            made.codec.decode(body)
    with pytest.raises(InvalidRow, match="whole: is out of the plausible range"):
        made.codec.decode(msgspec.json.encode(made.contract.example | {"whole": 3}))


def test_a_range_between_whole_numbers_is_the_same_to_both_decoders(tiny_contract):
    codec = RowCodec(contract := tiny_contract(change=lambda file: first(file).update(range=[0.5, 3.5], example=1)))
    with pytest.raises(InvalidRow, match="out of the plausible range"):
        codec.decode(msgspec.json.encode(contract.example | {"age in years": 0}))


@pytest.mark.parametrize("count", [130, 5_000])
def test_thousands_of_categories_are_read_and_told_in_short(make_bundle, tiny_contract, count):
    categories = [f"postcode {at:05}" for at in range(count)]
    contract = tiny_contract(
        change=lambda file: feature(file, "category").update(categories=categories, example=categories[0]),
    )
    make_bundle(contract, rows=100).verify()
    with pytest.raises(InvalidRow, match=f"postcode 00019 and {count - 20:,} more") as refused:
        RowCodec(contract).parse(contract.example | {"class": []})
    assert len(str(refused.value)) < 1_000
    assert len(allowed(contract.features[1])) < 1_000


def test_a_folder_is_not_a_contract(tmp_path):
    with pytest.raises(InvalidContract, match=str(tmp_path)):
        load_contract(tmp_path)


def test_a_damaged_copy_in_a_bundle_is_refused():
    with pytest.raises(InvalidContract, match=r"contract\.json"):
        contract_from_json(b"{}")


def test_a_contract_survives_the_bundle(shipped):
    again = contract_from_json(msgspec.json.encode(shipped))
    assert again == shipped
    assert again.digest == shipped.digest


def test_another_range_is_another_digest(tiny_contract):
    assert tiny_contract().digest == tiny_contract().digest
    assert tiny_contract().digest != tiny_contract(change=lambda file: first(file).update(range=[0, 121])).digest


def test_the_digest_does_not_hang_on_comments_or_layout(tmp_path):
    text = (PROJECT / "contracts" / "telecom_churn.toml").read_text()
    (tmp_path / "same.toml").write_text("# a comment\n" + text.replace(" = ", "="))
    assert (
        load_contract(tmp_path / "same.toml").digest == load_contract(PROJECT / "contracts/telecom_churn.toml").digest
    )


def test_the_leaking_columns_are_never_features():
    for name in SHIPPED[:2]:
        contract = load_contract(PROJECT / "contracts" / f"{name}.toml")
        assert not [feature.column for feature in contract.features if feature.column.startswith("Naive_Bayes")]
        assert sum(column.startswith("Naive_Bayes") for column in contract.table.dropped_columns) == 2


def test_the_public_contract_is_as_the_public_api_knows_it(contract):
    assert contract.feature_names == (
        "customer_age",
        "gender",
        "dependent_count",
        "education_level",
        "marital_status",
        "income_category",
        "card_category",
        "months_on_book",
        "total_relationship_count",
        "credit_limit",
        "total_revolving_bal",
    )
    assert contract.target.positive == "Attrited Customer"
    assert contract.reply.prediction_key == "churn chance"


@pytest.mark.parametrize("text", ["Unknown", "unknown", " UNKNOWN ", "", "  "])
def test_missing_tokens_count_in_any_letter_case(contract, text):
    assert contract.is_missing(text)


@pytest.mark.parametrize("text", ["nan", "0", "None", "Unknown?"])
def test_nothing_else_is_missing(contract, text):
    assert not contract.is_missing(text)
