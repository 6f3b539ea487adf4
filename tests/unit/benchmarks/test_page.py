"""From a benchmark's tables to the page."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.harness.figures import at_least, at_most, goals, middle, ratio
from benchmarks.harness.page import page
from benchmarks.harness.plot import bars, lines, number
from benchmarks.harness.results import Table, save, show
from benchmarks.run import run

ROWS = [
    {"window": 1_000, "ours": 0.5, "peer": 2.0, "note": "a | b"},
    {"window": 1_000_000, "ours": 40.0, "peer": None, "note": ""},
]


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def test_a_result_is_shown_with_its_tables_and_plots(results):
    save("drift", Table("Cost, s", ROWS, "Some notes.", lines=("window", "ours", "peer")))
    files = page(results)
    assert list(files) == ["benchmarks.md", "results/drift-cost-s.svg"]
    text = files["benchmarks.md"]
    assert "| window | ours | peer | note |\n| ---: | ---: | ---: | --- |\n" in text
    assert "| 1,000 | 0.500 | 2.00 | a \\| b |\n| 1,000,000 | 40.0 |  |  |\n\nSome notes.\n" in text
    assert "![Cost, s](results/drift-cost-s.svg)" in text
    assert page(results) == files


def test_a_new_result_takes_the_place_of_the_old(results):
    for title in ("before", "after"):
        save("drift", Table(title, ROWS))
    assert "### after" in page(results)["benchmarks.md"]
    assert "### before" not in page(results)["benchmarks.md"]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCH_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    save("drift", Table("Cost, s", ROWS))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [bars, lines])
def test_a_plot_is_whole_and_draws_what_is_there(kind):
    drawn = ElementTree.fromstring(kind("<a & b>", ["ours", "peer"], [("1,000", [0.5, 2.0]), ("10", [40.0, None])]))
    texts = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<a & b>", "1,000", "10", "0.500", "2.00", "40.0", "ours", "peer"} <= set(texts)


def test_a_plot_of_nothing_is_a_plot():
    for kind in (bars, lines):
        ElementTree.fromstring(kind("nothing", ["ours"], []))


def test_numbers_keep_three_digits():
    assert [number(value) for value in (0.0, 0.01234, 1.5, 99.95, 1234.5)] == ["0", "0.0123", "1.50", "100.0", "1,234"]


def test_a_benchmark_that_fails_leaves_the_last_result(tmp_path):
    (tmp_path / "no_such.json").write_text("{}")
    assert not run("no_such", [], tmp_path)
    assert (tmp_path / "no_such.json").read_text() == "{}"


def test_a_benchmark_that_leaves_no_tables_did_not_go_well(tmp_path):
    assert not run("results", [], tmp_path)  # a module that does nothing


def test_a_table_is_printed_with_figures_of_three_digits(capsys):
    show(Table("Cost, s", ROWS, "Some notes."))
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Cost, s",
        "window      ours  peer   note",
        "1,000      0.500  2.00  a | b",
        "1,000,000   40.0             ",
        "Some notes.",
    ]


def test_a_goal_is_met_or_not_and_absent_if_it_was_not_measured():
    (table,) = goals(at_least("speed", 3.0, 3), at_most("cost", 1.2, 1), at_most("size", None, 1), notes="so")
    assert [tuple(row.values()) for row in table.rows] == [
        ("speed", "≥ 3", 3.0, "yes"),
        ("cost", "≤ 1", 1.2, "no"),
    ]
    assert goals(at_most("size", None, 1)) == []


def test_a_ratio_is_taken_within_a_round():
    ones, others = ([{"rate": value} for value in values] for values in ((6.0, 10.0, 6.0), (1.0, 10.0, 1.0)))
    assert ratio(ones, others, "rate") == 6
    assert ratio(ones, [], "rate") is None
    assert middle(ones) == {"rate": 6.0}
