"""Categories learnt from training rows: which, in which spelling and order, and from no other rows."""

from __future__ import annotations

import numpy as np
import pytest

from model_orchestration.data.checks import check
from model_orchestration.data.split import split
from model_orchestration.search.candidate import profile, scores_by_params
from model_orchestration.search.out_of_fold import cross_validated
from tabular.contract.split_rules import SplitRules
from tabular.data.categories.learning import learning_faults, learnt
from tabular.data.categories.spelling import in_one_spelling
from tabular.data.clean_copy.parquet import from_parts, to_parts
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode
from tests.unit.learnt_cities import CITIES, LEAST_COUNT, cities_contract, cities_csv

CONTRACT = cities_contract()


@pytest.fixture(scope="module")
def table():
    return clean(CONTRACT, read_table(cities_csv()).cells)


def city_of(contract):
    return contract.features[1]


def test_each_category_is_written_as_most_rows_write_it():
    texts = ["Bern", "BERN", None, "3", "3.0", "Uri", "uri"]
    assert in_one_spelling(texts, np.array([2, 3, 9, 1, 4, 1, 1])) == ["BERN", "BERN", None, "3.0", "3.0", "Uri", "Uri"]


def test_a_table_keeps_every_category_in_one_spelling(table):
    cities = set(table.features["city"].dropna())
    assert {city.title() for city in cities} <= {f"Town {number}" for number in range(CITIES)}
    assert len({city.casefold() for city in cities}) == len(cities)
    assert {f"Town {number}" for number in range(20)} <= cities
    assert len(cities) > 30
    assert 0.01 < table.features["city"].isna().mean() < 0.05


def test_frequent_categories_of_the_training_rows_are_learnt_in_an_order_that_no_row_order_changes(table):
    train = split(table, 42).train
    counts = train.features["city"].value_counts()
    city = city_of(learnt(CONTRACT, train))
    assert set(city.categories) == set(counts.index[counts >= LEAST_COUNT])
    assert min(counts[list(city.categories)]) >= LEAST_COUNT
    assert list(city.categories) == sorted(city.categories, key=str.casefold)
    mixed = train.take(np.random.default_rng(3).permutation(len(train)))
    assert learnt(CONTRACT, mixed) == learnt(CONTRACT, train)


def test_numbers_are_listed_by_size_before_texts():
    body = "Size,City,price\n" + "".join(f"{at},{['10', '9', 'x'][at % 3]},{at}\n" for at in range(60))
    assert city_of(learnt(CONTRACT, clean(CONTRACT, read_table(body.encode()).cells))).categories == ("9", "10", "x")


def test_what_only_other_rows_have_is_missing_to_the_model_and_stays_what_it_is(table):
    parts = split(table, 42)
    taught = learnt(CONTRACT, parts.train)
    values = parts.test.features["city"]
    is_unknown = ~values.isin(city_of(taught).categories) & values.notna()
    assert is_unknown.any()
    codes = encode(taught, parts.test.features)[:, 1]
    assert (np.isnan(codes) == (is_unknown | values.isna()).to_numpy()).all()
    assert profile(taught, parts.train).keys() == {"size"}


def test_what_was_learnt_is_learnt_anew_from_other_rows(table):
    few = learnt(CONTRACT, table.take(np.arange(300)))
    assert learnt(few, table) == learnt(CONTRACT, table)
    assert len(city_of(few).categories) < len(city_of(learnt(few, table)).categories)


def test_each_fold_learns_from_its_own_training_rows(table):
    """A city that one row has is never known where that row is held out: with least_count = 1 too."""
    rare = cities_contract(features=[*_features(1)])
    seen = []

    def watched(fold):
        parts = fold.parts(small)
        known = set(city_of(learnt(rare, parts.train)).categories)
        seen.append(known)
        assert known <= set(parts.train.features["city"].dropna())
        return scores_by_params("model", rare, small, {"learning_rate": 0.3, "max_depth": 3}, 0)(fold)

    small = clean(rare, read_table(cities_csv(300)).cells)
    found = cross_validated(small, SplitRules(folds=3, repeats=1), 0, [watched])
    assert len(seen) == 3
    assert seen[0] != seen[1]
    assert np.isfinite(found.scores["model"]).all()


def _features(least_count):
    return [
        {"name": "size", "column": "Size", "kind": "number", "range": [0, 1000]},
        {"name": "city", "column": "City", "kind": "category", "categories": "learn", "least_count": least_count},
    ]


def test_a_clean_copy_keeps_the_texts(table):
    again = from_parts(CONTRACT, len(table), [body for _, body in to_parts(table, 1_000)])
    assert again.features["city"].equals(table.features["city"])


def test_a_feature_that_cannot_be_learnt_is_an_error_of_the_table(table):
    most = cities_contract(features=_features(2_000))
    assert learning_faults(learnt(most, table))[0].field == "City"
    report = check(most, cities_csv())
    assert ["has no category that 2,000 training rows or more have" in str(error) for error in report.errors] == [True]


def test_many_rare_rows_and_texts_that_look_missing_are_pointed_out():
    body = cities_csv().replace(b"Town 0", b"unknown")
    warnings = check(cities_contract(features=_features(200)), body).warnings
    assert any("'unknown' would be learnt as a category" in one for one in warnings)
    assert any("% of the rows have a category with fewer than 200 rows" in one for one in warnings)
    assert not [one for one in check(CONTRACT, cities_csv()).warnings if one.startswith("city")]


def test_drift_is_measured_by_the_categories_of_the_accepted_version(table):
    same = check(CONTRACT, cities_csv(seed=5), table)
    assert same.drifted == ()
    moved = check(CONTRACT, cities_csv(seed=5).replace(b"Town 1,", b"Town 99,"), table)
    assert moved.drifted == ("city",)


def test_synthetic_rows_have_categories_too():
    table = clean(CONTRACT, read_table(make_table(CONTRACT, 500, seed=0)).cells)
    assert city_of(learnt(CONTRACT, table)).categories == tuple(f"city {at}" for at in range(1, 6))
