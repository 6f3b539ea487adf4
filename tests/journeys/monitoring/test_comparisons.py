"""Reports over anything, on predictions in a real store and versions in a real bucket, of two tables."""

from __future__ import annotations

import re
import shutil
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from reporting.comparison.publish import Surroundings, write_requested
from reporting.comparison.request import request_of
from reporting.comparison.table_rows import TablesOf
from reporting.publish import INDEX, TableNews, write_index
from reporting.table_reports import ReportedTable
from tabular.contract.loading import load_contract
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.data.versions.naming import give_name
from tabular.errors import NotFound, Rejected
from tabular.wiring import Wiring
from tests.browser import Visit, keep_screenshot
from tests.journeys.monitoring.reports import RUN, Reports

OTHER = "e" * 32


class Compared(Reports):
    """Reports with a bucket of versions, on one of the tables."""

    def __init__(self, settings, bundle, state, database, contract) -> None:
        super().__init__(settings, bundle, state, database)
        self.contract = contract
        self.objects = Wiring(msgspec.structs.replace(settings, s3_bucket=f"b-{uuid.uuid4()}"), contract).objects()
        self.objects.ensure_bucket()

    def publish(self, name: str, body: bytes) -> str:
        version = feature_store.publish(self.objects, self.contract, body, f"{name}.csv")
        give_name(self.objects, self.contract, name, version)
        return version.sha256[:12]

    def ask(self, *, evidently: bool = False, **words: str) -> str:
        table = self.contract.table
        around = Surroundings(
            ReportedTable(table.name, table.title, self._cache),
            self.store,
            TablesOf(self.contract, self.objects),
            self.settings,
            datetime.now(UTC),
        )
        return write_requested(request_of(words), around, with_evidently=evidently)

    @property
    def newest(self) -> tuple[dict, str]:
        """The newest report's row and its page."""
        row = self.store.reports(1)[0]
        return row, (self.folder / row["file"]).read_text()


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)))


@pytest.fixture(scope="module")
def churn(ministack, store, settings, bundle, contract, tmp_path_factory):
    """Steady predictions by one run an hour ago and now by another, whose credit limits are half; two versions."""
    made = Compared(settings, bundle, tmp_path_factory.mktemp("comparing"), "comparing_churn", contract)
    shutil.copytree(bundle.folder, made.folder.parent / "bundles" / OTHER)
    frame = bundle.reference().head(800)
    made.predict(frame, "steady", OTHER)
    made.predict(frame.assign(credit_limit=frame["credit_limit"] / 2), "moved")
    body = make_table(contract, 900, seed=1)
    header, *rows = body.decode().splitlines()
    at = header.split(",").index("Credit_Limit")
    changed = [",".join([*cells[:at], "2000", *cells[at + 1 :]]) for cells in (row.split(",") for row in rows)]
    made.publish("first", body)
    made.publish("changed", "\n".join([header, *changed, ""]).encode())
    return made


def test_a_window_of_the_newest_is_a_report_on_its_model_that_says_what_it_is_on(churn):
    assert "1 of 11 features moved (credit_limit)" in churn.ask(last="500", run=RUN)
    row, page = churn.newest
    assert (row["rows"], row["run_id"]) == (500, RUN)
    assert "-the-newest-500-predictions-by-run-dddddddd-" in row["file"]
    assert "drift report on the newest 500 predictions by run dddddddd" in page
    assert "500 the newest 500 predictions by run dddddddd, from" in words_of(page)


def test_run_against_run_finds_what_moved_between_them(churn):
    said = churn.ask(run=RUN, against=f"run={OTHER}")
    assert said.startswith(
        "All predictions by run dddddddd compared with all predictions by run eeeeeeee. Drift: 1 of 11"
    )
    row, page = churn.newest
    assert (row["kind"], row["run_id"], row["quality"]) == ("comparison", RUN, None)
    assert row["drifted_columns"] == ["credit_limit"]
    assert "all-predictions-by-run-dddddddd-compared-with-all-predictions-by-run-eeeeeeee" in row["file"]
    assert "<title>Credit card churn: all predictions by run dddddddd compared with" in page
    assert re.search(r"credit_limit drifted median \S+ → \S+", words_of(page))


def test_the_index_lists_a_comparison_and_its_headline_stays_that_of_the_last_hours(churn):
    churn.make()
    headline = churn.newest[0]["finding"]
    churn.ask(version="changed", against="version=first")
    table = churn.contract.table
    write_index(churn.folder, churn.store.reports(99), [TableNews(table.name, table.title)], datetime.now(UTC))
    index = (churn.folder / INDEX).read_text()
    assert churn.newest[0]["file"] in index
    assert re.search(r'<p class="finding \w+">([^<]+)</p>', index)[1] == headline


def test_window_against_window_of_one_run(churn):
    now = datetime.now(UTC)
    times = [(now - timedelta(seconds=at)).isoformat() for at in (2_000, 400, 0)]
    words = {"run": RUN, "since": times[1], "until": times[2], "against": f"since={times[0]} until={times[1]}"}
    assert "No drift: none of the 11 features moved" in churn.ask(**words)


def test_version_against_version_compares_the_target_too(churn):
    said = churn.ask(version="changed", against="version=first")
    assert "(changed) compared with version" in said
    assert "Drift: 1 of 11 features moved (credit_limit)" in said
    page = words_of(churn.newest[1])
    assert "Synthetic data are among" not in page, "they were published as a file"
    assert re.search(r"target steady \S", page)


def test_a_file_against_a_version_with_and_without_a_target(churn, tmp_path, contract):
    body = make_table(contract, 500, seed=9)
    whole, bare = tmp_path / "rows of may.csv", tmp_path / "bare.csv"
    whole.write_bytes(body)
    cells = [row.split(",") for row in body.decode().splitlines()]
    at = cells[0].index(contract.target.column)
    bare.write_text("\n".join(",".join([*row[:at], *row[at + 1 :]]) for row in cells))
    assert churn.ask(file=str(whole), against="version=first").startswith("File rows of may.csv compared with version")
    assert "target steady" in words_of(churn.newest[1])
    assert "No drift" in churn.ask(file=str(bare), against="version=first")
    page = words_of(churn.newest[1])
    assert "a file; it has no target" in page
    assert "target steady" not in page


def test_predictions_against_a_version_and_several_data_sets_in_one_report(churn, tmp_path, contract):
    file = tmp_path / "rows.csv"
    file.write_bytes(make_table(contract, 400, seed=4))
    said = churn.ask(run=RUN, also=f"run={OTHER}; version=changed; file={file}", against="version=first")
    assert "Drift in" in said
    assert "of 4 data sets" in said
    page = churn.newest[1]
    assert page.count("<figure") == 4 * page.count('class="card multiples"')
    for name in ("all predictions by run dddddddd", "all predictions by run eeeeeeee", "file rows.csv"):
        assert name in words_of(page)
    assert len(page) < 300_000
    assert not re.search(r"<script|https?://|\son\w+=|@import|url\(", page)


def test_windows_side_by_side_are_equally_long_or_of_equally_many(churn):
    now = datetime.now(UTC)
    churn.ask(run=RUN, since=(now - timedelta(seconds=1_000)).isoformat(), until=now.isoformat(), windows="2")
    assert "in 2 windows compared with the reference of run dddddddd" in churn.newest[0]["compared"]
    churn.ask(run=RUN, last="600", windows="2")
    assert words_of(churn.newest[1]).count(" 300 made from ") == 2


def test_a_slice_and_each_value_of_a_slice(churn):
    assert "gender = F compared with the reference of run dddddddd, gender = F" in churn.ask(run=RUN, slice="gender=F")
    said = churn.ask(run=RUN, slice="gender")
    assert "by gender compared with the reference of run dddddddd" in said
    assert "Drift in 2 of 2 data sets" in said
    assert churn.ask(run=RUN, slice="gender=F", against="slice=gender=M").startswith(
        "All predictions by run dddddddd, gender = F"
    )


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        ({"until": "2020-01-01"}, NotFound, "no prediction of the table credit_card_churn is stored from 2019-12-31"),
        ({"last": "20", "run": RUN}, Rejected, "20 rows, and 300 are needed to compare them"),
        ({"last": "900", "slice": "sex=F"}, Rejected, "slice=sex: is no feature. The features are customer_age"),
        ({"last": "900", "slice": "gender=X"}, Rejected, "no such row. The values of gender with the most rows there"),
        ({"version": "june"}, NotFound, "no version of the table credit_card_churn was accepted yet|'june'"),
        ({"file": "/nowhere.csv"}, Rejected, "file='/nowhere.csv' cannot be read: No such file"),
    ],
)
def test_what_is_not_there_is_said_with_what_helps(churn, words, error, why):
    with pytest.raises(error, match=why):
        churn.ask(**words)


def test_of_another_table_versions_are_compared_and_a_run_of_the_first_is_rejected(
    ministack, store, settings, bundle, tmp_path
):
    rides = load_contract(settings.contract.parent / "taxi_rides.toml")
    made = Compared(settings, bundle, tmp_path, f"comparing_{tmp_path.name[-30:]}", rides)
    made.publish("one", make_table(rides, 700, seed=1))
    made.publish("two", make_table(rides, 700, seed=2))
    assert "compared with version" in made.ask(version="two", against="version=one")
    row, page = made.newest
    assert row["table"] == "taxi_rides"
    assert "target" in words_of(page)
    made.predict(bundle.reference().head(400), "churn")
    with pytest.raises(Rejected, match=f"run={RUN} is of the table credit_card_churn, not of taxi_rides: give table="):
        made.ask(run=RUN)


def test_a_page_of_several_data_sets_is_looked_at(churn, browser):
    """The picture of the how-to page is this one: SCREENSHOTS=1 takes it anew."""
    now = datetime.now(UTC)
    churn.predict(churn.bundle.reference().tail(700), "recent")
    churn.ask(since=(now - timedelta(seconds=900)).isoformat(), until=now.isoformat(), run=RUN, windows="3")
    visit = Visit(browser, offline=True)
    visit.page.goto(f"file://{churn.folder}/{churn.newest[0]['file']}")
    assert visit.page.locator("figure").count() >= 3 * 11
    first = visit.page.locator("figure svg").first.bounding_box()
    assert first["width"] > 140
    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    assert (visit.complaints, visit.foreign("file://")) == ([], [])
    keep_screenshot(
        visit.page, "comparison-report", clip={"x": 0, "y": 0, "width": 1280, "height": 1500}, full_page=True
    )
