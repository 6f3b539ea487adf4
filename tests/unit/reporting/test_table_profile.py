"""`make profile`: the page of a table and its figures, with a contract and without."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from embedded.layout import PROJECT
from reporting.table_profile.__main__ import main
from reporting.table_profile.page import profile_page
from reporting.table_profile.profile import SAMPLED_ROWS, Given, profile_table
from reporting.table_profile.target import target_of
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean

CHURN = PROJECT / "contracts" / "credit_card_churn.toml"


def orders(rows: int = 3_000) -> pd.DataFrame:
    """Numbers, dates, categories with a mark that a page must escape, gaps, an id, and a target that follows some."""
    draw = np.random.default_rng(5)
    amount = draw.gamma(2, 50, rows).round(2)
    region = draw.choice(["north", "south", "<b>east</b>"], rows, p=[0.5, 0.3, 0.2])
    late = amount / 100 + (region == "south") * 2 + draw.normal(0, 0.5, rows) > 2
    return pd.DataFrame(
        {
            "Order No": [f"A{at:06}" for at in range(rows)],
            "Amount": np.where(draw.random(rows) < 0.1, "n/a", amount.astype(str)),
            "Region": region,
            "Ordered": pd.date_range("2024-01-01", periods=rows, freq="3h").strftime("%Y-%m-%dT%H:%M:%S"),
            "Noise": draw.integers(0, 1000, rows),
            "Late": np.where(late, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """The page and the figures of a table without a contract, that is packed and has semicolons."""
    folder = tmp_path_factory.mktemp("profile")
    file = folder / "orders.csv.gz"
    file.write_bytes(gzip.compress(orders().to_csv(index=False, sep=";").encode()))
    page = folder / "pages" / "orders.html"
    assert main(["--csv", str(file), "--target", "Late", "--out", str(page)]) == 0
    return page.read_text(), json.loads(page.with_suffix(".json").read_text())


def column(figures, name):
    return next(one for one in figures["columns"] if one["name"] == name)


def test_kinds_counts_and_figures_are_those_of_the_table(profiled):
    figures, table = profiled[1], orders()
    assert figures["rows"] == figures["sampled"] == 3_000
    assert {one["name"]: one["kind"] for one in figures["columns"]} == {
        "amount": "number",
        "region": "category",
        "ordered": "datetime",
        "noise": "integer",
        "late": "boolean",
    }
    amount, known = column(figures, "amount"), pd.to_numeric(table["Amount"], errors="coerce")
    assert amount["missing"] == known.isna().sum()
    assert amount["distinct"] == known.nunique()
    assert amount["figures"]["median"] == pytest.approx(known.median())
    assert column(figures, "ordered")["figures"]["lowest"] == "2024-01-01 00:00:00"
    assert sum(one["current"] for one in amount["plot"]["bins"]) == pytest.approx(1)
    assert list(figures["left_out"]) == ["Order No"]
    assert "separated by a semicolon" in figures["read_as"]


def test_columns_are_ranked_by_how_closely_they_go_with_the_target(profiled):
    figures = profiled[1]
    ranked = [one["name"] for one in figures["columns"]]
    assert set(ranked[:2]) == {"amount", "region"}
    assert column(figures, "noise")["relation"] < 0.1 < column(figures, "region")["relation"]
    assert column(figures, "late")["relation"] is None
    south = next(one for one in column(figures, "region")["by_target"] if one["name"] == "south")
    table = orders()
    assert south["target"] == pytest.approx((table["Late"][table["Region"] == "south"] == "yes").mean())
    assert figures["target_measure"] == "share of 'yes'"


def test_the_page_stands_alone_and_escapes_what_comes_from_the_table(profiled):
    page, figures = profiled
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<b>east</b>" not in page
    assert "&lt;b&gt;east&lt;/b&gt;" in page
    assert page.count("<svg") == 2 * len(
        figures["columns"]
    )  # one a column, one with the target but for itself, the map


def test_a_large_table_is_sampled_and_counted_whole(tmp_path):
    draw = np.random.default_rng(0)
    rows = SAMPLED_ROWS + 20_000
    raw = pd.DataFrame({"x": draw.normal(size=rows).astype(str), "y": draw.choice(["a", "b"], rows)}, dtype="str")
    raw.loc[: rows // 2 - 1, "y"] = "?"
    raw.to_csv(tmp_path / "large.csv", index=False)
    assert main(["--csv", str(tmp_path / "large.csv"), "--out", str(tmp_path / "large.html")]) == 0
    figures = json.loads((tmp_path / "large.json").read_text())
    assert (figures["rows"], figures["sampled"]) == (rows, SAMPLED_ROWS)
    assert column(figures, "y")["missing"] == rows // 2
    assert column(figures, "x")["distinct"] == raw["x"].nunique()


def test_a_contract_and_an_earlier_version_show_what_moved():
    contract = load_contract(CHURN)
    before = clean(contract, read_table(make_table(contract, 2_000, 1)).cells)
    cells = read_table(make_table(contract, 2_000, 2)).cells
    cells["Credit_Limit"] = (cells["Credit_Limit"].astype(float) / 2).clip(lower=1500).astype(str)
    given = Given(contract, {}, "file", "CSV", contract.target.column, None, "version 1")
    found = profile_table(cells, given, target_of(contract, cells), before)
    drifted = [one.name for one in found.columns if one.drift is not None and one.drift.drifted]
    assert drifted == [next(one.name for one in contract.features if one.column == "Credit_Limit")]
    assert found.is_compared
    page = profile_page(found)
    assert "this table" in page
    assert "drifted" in page


def test_what_breaks_the_contract_is_counted_and_not_refused(tmp_path, monkeypatch, capsys):
    contract = load_contract(CHURN)
    cells = read_table(make_table(contract, 400, 1)).cells
    feature = next(one for one in contract.features if one.is_numeric)
    cells.loc[:9, feature.column] = "many"
    cells.to_csv(tmp_path / "broken.csv", index=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    arguments = ["--csv", str(tmp_path / "broken.csv"), "--contract", str(CHURN), "--out", str(tmp_path / "b.html")]
    assert main(arguments) == 0
    figures = json.loads((tmp_path / "b.json").read_text())
    assert column(figures, feature.name)["invalid"] == 10
    assert column(figures, contract.target.column)["kind"] == "category"
    assert "earlier  not looked for, as the feature store does not respond" in capsys.readouterr().out


def test_what_stands_in_the_way_is_named(tmp_path, capsys):
    file = tmp_path / "orders.csv"
    orders(200).to_csv(file, index=False)
    for arguments, why in (
        ([], "say which table"),
        (["--csv", str(tmp_path / "none.csv")], "cannot be read: No such file"),
        (["--csv", str(file), "--target", "late"], "did you mean 'Late'?"),
        (["--csv", str(file), "--target", "Order No"], "cannot be what is predicted: each of its 200 values"),
        (["--csv", str(file), "--contract", str(CHURN)], "the table lacks columns"),
    ):
        assert main(arguments) == 1
        assert why in capsys.readouterr().err
