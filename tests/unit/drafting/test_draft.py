"""A table that nobody has described becomes a contract: what is chosen, why, and that every row is valid under it."""

from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.suspects import suspects
from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults
from tabular.data.reading import read_table
from tabular.data.table import clean
from tabular.drafting.draft import Draft, Request, draft_contract
from tabular.errors import InvalidTable

ROWS = 400


def table(**columns) -> dict[str, list]:
    """A table with an honest number, an honest category, a target that follows both, and these columns."""
    draw = np.random.default_rng(7)
    size = draw.integers(1, 90, ROWS)
    colour = draw.choice(["red", "green", "blue"], ROWS)
    bought = (size + 20 * (colour == "red") + draw.normal(0, 25, ROWS)) > 60
    honest = {"Size": size.tolist(), "Colour": colour.tolist(), "Bought": np.where(bought, "yes", "no").tolist()}
    return honest | columns


def drafted(columns: dict[str, list], target: str = "Bought", positive: str = "", known: tuple[str, ...] = ()) -> Draft:
    """The draft of a table, after it went through a file; what is written is read back and every row is valid."""
    body = io.BytesIO()
    pd.DataFrame(columns).to_csv(body, index=False)
    raw = read_table(body.getvalue()).cells
    draft = draft_contract(raw, Request("mine", target, "mine.csv", positive, known, suspects=suspects))
    written = msgspec.toml.decode(draft.text, type=Contract)
    assert written == draft.contract
    assert contract_faults(written) == []
    assert len(clean(written, raw)) == len(raw) - draft.invalid_rows
    return draft


def feature(draft: Draft, column: str):
    return next(one for one in draft.contract.features if one.column == column)


def left_out(draft: Draft, column: str) -> str:
    """Why a column is no feature; the reason stands in the file, too."""
    assert column not in [one.column for one in draft.contract.features]
    choice = next(one for one in draft.choices if one.column == column)
    why = choice.suspicion or choice.left_out
    assert why in " ".join(line.lstrip("# ") for line in draft.text.splitlines())
    return why


def unwrapped(draft: Draft) -> str:
    return " ".join(line.strip().lstrip("# ") for line in draft.text.splitlines())


def test_an_honest_table_becomes_features_with_ranges_that_have_room_and_categories():
    draft = drafted(table(Rate=np.linspace(0.02, 0.6, ROWS).round(3).tolist()))
    assert draft.contract.table.task == "binary"
    assert draft.contract.target.positive == "yes"
    assert draft.contract.reply.prediction_key == "bought chance"
    assert (feature(draft, "Size").kind, feature(draft, "Size").range) == ("integer", (0, 180))
    assert feature(draft, "Colour").categories == ("blue", "green", "red")
    assert feature(draft, "Rate").kind == "number"
    assert draft.contract.table.slice_features == ("colour",)
    assert [one.name for one in draft.contract.features] == ["size", "colour", "rate"]
    assert "TODO description" in draft.text


def test_the_target_is_never_a_feature_and_one_that_lacks_is_named_with_what_may_be_meant():
    assert "Bought" not in [one.column for one in drafted(table()).contract.features]
    with pytest.raises(InvalidTable, match="did you mean 'Bought'"):
        drafted(table(), target="bougth")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"] * (ROWS // 2), "binary"),
        ([0, 1] * (ROWS // 2), "binary"),
        (["a", "b", "c", "c"] * (ROWS // 4), "multiclass"),
        ([1, 2, 3, 4, 5] * (ROWS // 5), "multiclass"),
        (list(range(ROWS)), "regression"),
        ([0.5, 1.5, 2.0, 2.5] * (ROWS // 4), "regression"),
    ],
)
def test_the_task_is_inferred_from_the_target_and_told(values, task):
    columns = table()
    del columns["Bought"]
    draft = drafted(columns | {"Y": values}, target="Y")
    assert draft.contract.table.task == task
    assert f'task = "{task}"  # ' in draft.text


@pytest.mark.parametrize(("lowest", "says"), [(0, True), (-1, False)])
def test_of_numbers_from_0_on_the_draft_says_how_no_score_is_below(lowest, says):
    columns = table()
    del columns["Bought"]
    draft = drafted(columns | {"Y": [lowest + at for at in range(ROWS)]}, target="Y")
    assert ("with non_negative = true no score is either" in unwrapped(draft)) is says


def test_the_positive_class_is_the_named_one_or_the_one_that_says_yes_or_the_rarer_and_the_doubt_is_told():
    assert drafted(table(), positive="NO").contract.target.positive == "no"
    assert "says yes. Is it the one wanted?" in unwrapped(drafted(table()))
    rare = table(Bought=["left"] * 40 + ["stayed"] * (ROWS - 40))
    assert drafted(rare).contract.target.positive == "left"
    with pytest.raises(InvalidTable, match='has no class "maybe"'):
        drafted(table(), positive="maybe")


@pytest.mark.parametrize("gap", ["", "?", "NaN"])
def test_rows_without_a_target_are_dropped_where_they_are_few_and_an_error_with_the_remedy_where_not(gap):
    draft = drafted(table(Bought=[gap] + ["yes", "no"] * (ROWS // 2 - 1) + ["no"]))
    assert draft.invalid_rows == 1
    assert draft.contract.source.on_invalid == "drop"
    assert "1 row (0.25 %) have no target, and are dropped" in unwrapped(draft)
    with pytest.raises(InvalidTable, match=r"no value.* in 40 rows .*leave these out"):
        drafted(table(Bought=[gap] * 40 + ["yes", "no"] * (ROWS // 2 - 20)))


def test_rows_with_a_text_among_numbers_are_dropped_where_they_are_few():
    values = [f"{at / 7:.4f}" if at % 200 else f"bad {at}" for at in range(ROWS)]
    draft = drafted(table(X=values))
    assert (draft.invalid_rows, feature(draft, "X").kind) == (2, "number")
    assert 'hold no number but "bad 0", "bad 200": they are dropped' in unwrapped(draft)


@pytest.mark.parametrize(
    ("token", "others"),
    [
        ("?", [1, 2, 3]),
        ("NA", [1.5, 2.5, 3.0]),
        ("None", [10, 20, 30]),
        ("Unknown", ["low", "high"]),
        ("n/a", ["low", "high"]),
        ("NULL", ["Bonn", "Rome", "Oslo"]),
        ("NA", ["Bonn", "Rome", "Oslo"]),
        ("(missing)", ["low", "high"]),
    ],
)
def test_a_token_means_missing_where_the_rest_of_the_column_says_so(token, others):
    draft = drafted(table(X=[token if at % 9 == 0 else others[at % len(others)] for at in range(ROWS)]))
    assert draft.contract.table.missing_tokens == (token,)
    assert f'"{token}" stands' in unwrapped(draft)
    assert feature(draft, "X").is_numeric == (not isinstance(others[0], str))


@pytest.mark.parametrize(
    ("token", "others"), [("None", ["Brick", "Stone"]), ("NA", ["DE", "FR", "US"]), ("Nil", ["Return", "Transfer"])]
)
def test_a_word_that_may_be_a_category_stays_one_and_is_asked_about(token, others):
    draft = drafted(table(X=[token if at % 9 == 0 else others[at % len(others)] for at in range(ROWS)]))
    assert draft.contract.table.missing_tokens == ()
    assert token in feature(draft, "X").categories
    assert f'"{token}" is kept as a value' in unwrapped(draft)


def test_a_class_of_the_target_is_no_missing_token_elsewhere():
    draft = drafted(table(Bought=["-", "yes"] * (ROWS // 2), X=[["-", "low", "high"][at % 3] for at in range(ROWS)]))
    assert draft.contract.target.classes == ("-", "yes")
    assert draft.contract.table.missing_tokens == ()
    assert feature(draft, "X").categories == ("-", "high", "low")


def test_a_number_that_may_stand_for_a_missing_one_is_asked_about_and_one_that_does_not_is_not():
    draw = np.random.default_rng(1)
    draft = drafted(
        table(
            Age=np.where(np.arange(ROWS) % 10 == 0, -999, draw.integers(18, 80, ROWS)).tolist(),
            Score=draw.integers(-20, 100, ROWS).tolist(),
        )
    )
    assert "-999 may stand for a missing number (40 rows (10 %))" in unwrapped(draft)
    assert unwrapped(draft).count("may stand for a missing number") == 1


def test_what_identifies_a_row_is_the_id_or_left_out():
    draw = np.random.default_rng(3)
    draft = drafted(
        table(
            customer_id=(10**9 + draw.permutation(10**8)[:ROWS]).tolist(),
            Row=list(range(1, ROWS + 1)),
            Phone=[f"0{170_000 + at}-{at % 7}" for at in range(ROWS)],
            Shuffled=draw.permutation(ROWS).tolist(),
        )
    )
    assert draft.contract.table.id_column == "customer_id"
    assert draft.contract.table.business_key == "customer_id"
    assert "labels name their predictions by it" in unwrapped(draft)
    assert "named as an identifier" in unwrapped(draft)
    assert left_out(draft, "Row") == "it counts the rows"
    assert "stands once" in left_out(draft, "Phone")
    assert "given out one by one" in left_out(draft, "Shuffled")


def test_what_only_counts_the_rows_is_no_key_and_is_the_id_where_there_is_no_other():
    counter, codes = list(range(1, ROWS + 1)), [f"C-{at * 7}" for at in range(ROWS)]
    alone = drafted(table(RowNumber=counter)).contract.table
    assert (alone.id_column, alone.business_key) == ("RowNumber", None)
    both = drafted(table(RowNumber=counter, ClientCode=codes)).contract.table
    assert (both.id_column, both.business_key) == ("ClientCode", "client_code")
    assert both.dropped_columns == ("RowNumber",)


def test_an_id_whose_name_is_a_key_of_labels_is_no_business_key():
    draft = drafted(table(prediction_id=[f"P-{at * 7}" for at in range(ROWS)]))
    assert (draft.contract.table.id_column, draft.contract.table.business_key) == ("prediction_id", None)


def test_whole_numbers_that_differ_by_chance_are_a_feature_with_a_question():
    draft = drafted(table(Income=np.random.default_rng(5).permutation(10**6)[:ROWS].tolist()))
    assert feature(draft, "Income").kind == "integer"
    assert "every value is different" in unwrapped(draft)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([7] * ROWS, 'every row has the same value, "7"'),
        (["only", *[""] * (ROWS - 1)], 'holds nothing but "only"'),
        ([""] * ROWS, "no value in any row"),
        ([f"note {at * at} of {at}" if at % 3 else "ok" for at in range(ROWS)], "free text, or a name"),
        ([f"2024-0{1 + at % 9}-1{at % 10}{'T10:00Z' * (at % 2)}" for at in range(ROWS)], "dates and times"),
        ([f"2024-01-{1 + 7 * (at % 3):02}" for at in range(ROWS)], "nothing of them comes again"),
        ([f"{1 + at % 12}/{1 + at % 28}/2023" for at in range(ROWS)], "dates and times"),
        ([f"{1 + at},{at % 900 + 100}" for at in range(ROWS)], "numbers with marks in them"),
        ([f"{at % 997}.5" if at % 30 else f"1,{at:03}.5" for at in range(ROWS)], "14 of them with marks"),
        ([f"{at / 7:.4f}" if at % 50 else f"bad {at}" for at in range(ROWS)], "numbers but for 8 texts"),
        ([1_700_000_000_000_000 + at % 17 for at in range(ROWS)], "too alike, to be told apart"),
    ],
)
def test_a_column_that_no_kind_fits_is_left_out_with_the_reason(values, why):
    assert why in left_out(drafted(table(X=values)), "X")


def test_few_numbers_with_marks_are_categories_with_a_question():
    draft = drafted(table(Rate=[f"{2 + at % 9 / 10} %" for at in range(ROWS)]))
    assert feature(draft, "Rate").kind == "category"
    assert 'numbers with marks in them, such as "2.0 %". Write them as digits' in unwrapped(draft)


def test_a_target_with_thousands_separators_is_said_to_have_them():
    with pytest.raises(InvalidTable, match="holds numbers with marks in them, such as"):
        drafted(table(Price=[f"{1 + at % 90},{at:03}.5" for at in range(ROWS)]), target="Price")


def test_spellings_of_one_value_are_one_category_in_the_most_frequent_spelling():
    draft = drafted(table(X=["Yes", "Yes", "yes", "No", "NO", "No", "Perhaps", "No"] * (ROWS // 8)))
    assert feature(draft, "X").categories == ("No", "Perhaps", "Yes")


LEAKS = {
    "an exact copy": lambda target, _: target,
    "a copy with 1 % noise": lambda target, draw: np.where(draw.random(ROWS) < 0.01, 1 - target, target),
    "a noisy number that tells it": lambda target, draw: (target + draw.normal(0, 0.25, ROWS)).round(4),
    "whether it is missing": lambda target, draw: np.where(target == 1, draw.integers(5, 50, ROWS).astype(str), ""),
    "as categories": lambda target, draw: np.where(target == 1, draw.choice(["x", "y"], ROWS), "z"),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_suspected_leak_is_left_out_with_its_figure_and_how_to_take_it_in(leak):
    columns = table()
    target = (np.array(columns["Bought"]) == "yes").astype(int)
    draft = drafted(columns | {"X": LEAKS[leak](target, np.random.default_rng(2)).tolist()})
    assert "target by itself (ROC-AUC" in left_out(draft, "X")
    assert "SUSPECTED LEAK" in draft.text
    assert {"Size", "Colour"} == {one.column for one in draft.contract.features}


def test_a_suspect_is_taken_in_as_the_comment_says():
    columns = table()
    draft = drafted(columns | {"X": (np.array(columns["Bought"]) == "yes").astype(int).tolist()})
    head, _, block = draft.text.partition("# SUSPECTED LEAK")
    block = block.partition("# [[features]]\n")[2]
    lines = ["[[features]]", *(line.removeprefix("# ") for line in block.splitlines())]
    text = head.replace('    "X",\n', "") + "\n".join(lines)
    taken = msgspec.toml.decode(text, type=Contract)
    assert contract_faults(taken) == []
    assert taken.features[-1].column == "X"
    assert taken.table.dropped_columns == ()


def test_a_suspect_that_the_author_vouches_for_is_kept_and_named_in_the_contract():
    columns = table()
    columns["X"] = (np.array(columns["Bought"]) == "yes").astype(int).tolist()
    draft = drafted(columns, known=("X",))
    assert draft.contract.table.known_before_outcome == ("x",)
    assert feature(draft, "X").name == "x"
    with pytest.raises(InvalidTable, match=r"known= names what is no feature.*'Size'"):
        drafted(columns, known=("Sizes",))


def test_a_number_that_tells_a_number_is_suspected_too():
    draw = np.random.default_rng(4)
    total = draw.gamma(2, 20, ROWS)
    columns = {
        "Km": draw.gamma(2, 3, ROWS).round(2).tolist(),
        "Total": total.round(2).tolist(),
        "Fare": (total * 0.9 + draw.normal(0, 1, ROWS)).round(2).tolist(),
    }
    draft = drafted(columns, target="Total")
    assert "without it a model loses" in left_out(draft, "Fare")


def test_a_column_whose_name_needs_quoting_and_two_with_one_public_name_are_drafted():
    values = list(range(40)) * (ROWS // 40)
    draft = drafted(table(**{'6" "pipes"\\': values, "Shoe size": values, "shoe_size": values}))
    assert [one.name for one in draft.contract.features][2:] == ["6_pipes", "shoe_size", "shoe_size_2"]


def moments(days: int, seed: int = 6) -> pd.Series:
    """As many moments as rows, to the second, drawn from so many days."""
    seconds = np.random.default_rng(seed).integers(0, days * 86_400, ROWS)
    return pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(seconds, unit="s"))


def test_dates_become_a_datetime_with_its_hour_and_weekday_and_the_month_where_a_year_is_there():
    draft = drafted(table(**{"Called At": moments(20).astype(str).tolist(), "called_at_hour": [1, 2] * (ROWS // 2)}))
    assert (feature(draft, "Called At").kind, feature(draft, "Called At").time_zone) == ("datetime", "none")
    assert [(one.name, one.operation) for one in draft.contract.derived] == [
        ("called_at_hour_2", "hour"),
        ("called_at_weekday", "weekday"),
    ]
    assert "one of the twelve months is there, so that the month is not derived" in unwrapped(draft)
    assert '# time_column = "Called At"' in draft.text
    assert draft.contract.split.time_column is None
    year = drafted(table(X=moments(400).dt.strftime("%Y-%m-%dT%H:%M:%SZ").tolist()))
    assert [one.operation for one in year.contract.derived] == ["hour", "weekday", "month"]
    assert feature(year, "X").time_zone == "UTC"
    days = drafted(table(X=moments(400).dt.strftime("%Y-%m-%d").tolist()))
    assert [one.operation for one in days.contract.derived] == ["weekday", "month"]


@pytest.mark.parametrize("words", [("no", "yes"), ("False", "True"), ("N", "Y"), ("f", "t"), ("Off", "On")])
def test_yes_and_no_are_a_boolean_in_the_words_of_the_table(words):
    draft = drafted(table(X=[words[at % 3 == 0] for at in range(ROWS)]))
    assert (feature(draft, "X").kind, feature(draft, "X").categories) == ("boolean", words)
    assert feature(drafted(table(X=["no", "yes", "never", "no"] * (ROWS // 4))), "X").kind == "category"


def test_repeated_ids_are_categories_where_they_are_few_and_groups_of_rows_where_they_are_many():
    draw = np.random.default_rng(8)
    few = drafted(table(ZoneID=(draw.integers(0, 40, ROWS) * 7).tolist()))
    assert feature(few, "ZoneID").kind == "category"
    assert "numbers, taken for names of something" in unwrapped(few)
    assert few.contract.split.group_column is None
    customers = drafted(table(customer_id=[10_000 + at // 4 * 3 for at in range(4 * ROWS)][:ROWS]))
    assert customers.contract.split.group_column is None  # 100 customers: categories as the zones are


def test_snapshots_of_many_customers_are_split_by_customer():
    rows = 3 * ROWS
    ids = 10_000 + np.random.default_rng(2).permutation(rows) // 3 * 7
    columns = {name: list(values) * 3 for name, values in table().items()} | {"customer_id": ids.tolist()}
    draft = drafted(columns)
    assert "its 400 values stand in 3 rows each" in left_out(draft, "customer_id")
    assert draft.contract.split.group_column == "customer_id"
    assert draft.contract.table.id_column is None


def test_the_only_text_among_many_numbers_means_that_none_is_known():
    rates = [f"{at / 10}" for at in range(ROWS)]
    rates[::9] = ["k.A."] * len(rates[::9])
    draft = drafted(table(Rate=rates))
    assert feature(draft, "Rate").kind == "number"
    assert draft.contract.table.missing_tokens == ("k.A.",)
    assert f"is the only text among numbers in Rate, {len(rates[::9])} rows" in unwrapped(draft)


def test_a_text_with_a_digit_or_among_few_numbers_is_no_missing_token():
    for other, numbers in (("40+", 40), ("x", 4)):
        values = [str(at % numbers) for at in range(ROWS)]
        values[::9] = [other] * len(values[::9])
        assert drafted(table(Rate=values)).contract.table.missing_tokens == ()


def test_columns_and_texts_that_the_author_names_are_left_out_and_missing():
    raw = pd.DataFrame(table(Rate=["k.A.", "s.o.", *(f"{at / 10}" for at in range(ROWS - 2))])).astype("str")
    request = Request("mine", "Bought", "mine.csv", drop=("Colour",), missing=("k.A.", "s.o."))
    draft = draft_contract(raw, request)
    assert {one.column for one in draft.contract.features} == {"Size", "Rate"}
    assert draft.contract.table.dropped_columns == ("Colour",)
    assert "drop= names it" in draft.text
    assert draft.contract.table.missing_tokens == ("k.A.", "s.o.")
    with pytest.raises(InvalidTable, match="did you mean 'Colour'"):
        draft_contract(raw, replace(request, drop=("colour",)))


def test_numbers_that_are_one_in_single_precision_are_left_out_on_either_side_of_zero():
    for tiny in (1e-176, -1e-176):
        assert "too alike" in left_out(drafted(table(Rate=[0.0, tiny] * (ROWS // 2))), "Rate")


def of_many_suppliers(suppliers: int, rows: int) -> dict[str, list]:
    """Rows of many suppliers, the first of whom have far more of them."""
    draw = np.random.default_rng(4)
    at = np.minimum(draw.exponential(suppliers / 5, rows).astype(int), suppliers - 1)
    return {
        "Supplier": [f"Works {one:04}" for one in at],
        "Weight": draw.uniform(1, 9, rows).round(2).tolist(),
        "Bought": np.where(at % 3 + draw.normal(0, 1, rows) > 1, "yes", "no").tolist(),
    }


def test_more_categories_than_can_be_read_are_learnt_and_taken_as_such_where_that_is_better():
    draft = drafted(of_many_suppliers(900, 12_000))
    supplier = draft.contract.features[0]
    assert supplier.is_unlearnt
    assert str(supplier.example).startswith("Works 0")
    assert 'categories = "learn"\nleast_count = 20' in draft.text
    assert "have one that is learnt" in unwrapped(draft)
    assert draft.contract.training.categories == "search"
    assert "supplier" not in draft.contract.table.slice_features


def test_many_categories_of_which_few_are_frequent_are_left_out():
    draft = drafted(of_many_suppliers(7_000, 12_000))
    assert "of which those with 33 rows or more are only in" in left_out(draft, "Supplier")


def rides() -> dict[str, list]:
    """Rides with what is known only at their end, or afterwards."""
    rows, draw = 2_000, np.random.default_rng(9)
    begins = pd.Timestamp("2023-01-01") + pd.Series(pd.to_timedelta(draw.integers(0, 30 * 86_400, rows), unit="s"))
    km = pd.Series(draw.gamma(2, 3, rows))
    minutes = 3 + 2.5 * km * draw.uniform(0.3, 3, rows)
    texts = {
        "Begin": begins,
        "End": begins + pd.to_timedelta(minutes, unit="min"),
        "Paid": begins + pd.to_timedelta(minutes + 1, unit="min"),
    }
    numbers = {"Km": km, "Seconds": minutes * 60, "Fare": 2 + 0.4 * km + 0.5 * minutes}
    return {name: values.astype(str).tolist() for name, values in texts.items()} | {
        name: values.round(2).tolist() for name, values in numbers.items()
    }


def drafted_rides(**changes) -> Draft:
    raw = pd.DataFrame(rides()).astype("str")
    request = Request("rides", "minutes", "rides.csv", suspects=suspects, minutes_between=("Begin", "End"))
    draft = draft_contract(raw, replace(request, **changes))
    assert msgspec.toml.decode(draft.text, type=Contract) == draft.contract
    assert contract_faults(draft.contract) == []
    return draft


def test_minutes_between_two_columns_are_drafted_without_what_is_known_only_at_the_end():
    draft = drafted_rides(keep=(1, 60))
    assert draft.contract.target.minutes_between == ("Begin", "End")
    assert draft.contract.target.keep == (1, 60)
    assert draft.contract.reply.prediction_key == "predicted minutes"
    assert {one.column for one in draft.contract.features} == {"Begin", "Km"}
    assert "known only when the target is" in unwrapped(draft)
    assert "later than Begin" in left_out(draft, "Paid")
    for column in ("Seconds", "Fare"):
        assert "predicts the target by itself (R²" in left_out(draft, column)


def test_what_stands_in_the_way_of_minutes_between_is_named():
    assert "If these are faults of the clock, write keep" in unwrapped(drafted_rides())
    for change, match in (
        ({"minutes_between": ("Begin", "Ends")}, "did you mean 'End'"),
        ({"minutes_between": ("Begin", "Km")}, "Km: holds something else too"),
        ({"target": "Km"}, "Km: is a column of the table"),
        ({"keep": (1_000, 2_000)}, "keeps no row"),
    ):
        with pytest.raises(InvalidTable, match=match):
            drafted_rides(**change)
