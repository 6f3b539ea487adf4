"""Reports from a real store: of how many predictions, with which labels, and when there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from reporting.flow import make_report
from reporting.table_reports import MAX_RUNS, ReportedTable
from tabular.contract.loading import load_contract
from tabular.errors import Unavailable
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.journeys.monitoring.reports import RUN, Reports


@pytest.fixture
def fresh(store, settings, bundle, tmp_path):
    """An empty store and an empty folder."""
    return Reports(settings, bundle, tmp_path, f"reports_{tmp_path.name[-30:]}")


def test_too_few_predictions_make_an_index_that_says_so(fresh, bundle):
    assert "0 by one model" in fresh.make()
    fresh.predict(bundle.reference().head(20), "few")
    assert "Too few predictions to compare: 20 by" in fresh.make()
    assert fresh.pages() == []
    assert "Too few predictions to compare: 20 by" in (fresh.folder / "reports.html").read_text()
    assert fresh.store.reports(5) == []


def test_a_reference_that_is_too_small_is_named(fresh, bundle, with_reference, tmp_path):
    small = with_reference(bundle, 60)
    fresh = Reports(fresh.settings, small, tmp_path / "small", f"small_{tmp_path.name[-30:]}")
    fresh.predict(bundle.reference().head(20), "few")
    said = fresh.make()
    assert "60 rows held out" in said
    assert "100 are needed. More predictions do not help: train on a table of at least 100 rows" in said
    assert "Too few predictions" not in said
    assert said in (fresh.folder / "reports.html").read_text()


def test_labels_that_come_later_are_in_the_next_report(fresh, bundle, tmp_path):
    fresh.predict(bundle.reference().head(400), "labelled")
    truth = {one.id: one.score > 0.5 for one in fresh.store.latest(300)}
    outcomes = tmp_path / "outcomes.csv"
    names = {True: "Attrited Customer", False: "Existing Customer"}
    lines = [f"{known},{names[left]}" for known, left in truth.items()]
    outcomes.write_text("\n".join(["prediction_id,outcome", *lines, "nobody,Existing Customer", "later,"]))
    environ = os.environ | {"MONGO_URI": fresh.settings.mongo_uri, "MONGO_DATABASE": fresh.settings.mongo_database}
    command = [sys.executable, "-m", "reporting.labels", str(outcomes)]
    said = subprocess.run(command, env=environ, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    lost = "1 name no stored prediction of the table: they wait for it, 7 days at most"
    blank = "rows left out because they have no label yet: 1"
    assert said == f"300 of 301 labels are attached to their predictions; {lost}; {blank}.\n"
    fresh.make()
    row = fresh.store.reports(1)[0]
    assert (row["labels"], row["quality"]["roc_auc"]) == (300, 1.0)


def test_each_run_that_served_has_a_report_of_its_own_and_one_that_cannot_hides_no_other(fresh, bundle):
    frame = bundle.reference().head(400)
    other, stray = "e" * 32, "f" * 32
    shutil.copytree(bundle.folder, fresh.folder.parent / "bundles" / other)
    fresh.predict(frame, "steady", other)
    fresh.predict(frame.assign(credit_limit=frame["credit_limit"] / 2).head(350), "moved")
    fresh.predict(frame.head(1), "stray", stray)
    said = fresh.make()
    assert "No drift" in said
    assert "1 of 11 features moved (credit_limit)" in said
    assert f"No report on the run {stray}" in said
    newest, older = fresh.store.reports(9)
    assert (newest["run_id"], older["run_id"]) == (other, RUN), "the run with the most predictions comes first"
    assert (newest["has_drift"], older["has_drift"]) == (False, True)
    assert len(fresh.pages()) == 2


def test_each_table_has_reports_of_its_own_and_counts_no_other_table_s_predictions(fresh, bundle, make_bundle):
    rides, few = (load_contract(PROJECT / "contracts" / f"{name}.toml") for name in ("telecom_churn", "taxi_rides"))
    other = make_bundle(rides, fresh.folder.parent / "bundles" / ("e" * 32))
    frame = bundle.reference().head(400)
    fresh.predict(frame.assign(credit_limit=frame["credit_limit"] / 2), "moved")
    for at in range(MAX_RUNS):  # a table with as many runs as are reported on takes none of another's places
        stray = f"{at:032x}"
        shutil.copytree(bundle.folder, fresh.folder.parent / "bundles" / stray)
        fresh.predict(frame.head(350), f"stray{at}", stray)
    fresh.predict(other.reference().head(310), "rides", "e" * 32, other)
    said = fresh.make(other, SimpleNamespace(contract=few)).splitlines()
    assert [line.partition(":")[0] for line in said].count("credit_card_churn") == MAX_RUNS
    assert [line for line in said if line.startswith("telecom_churn: No drift")]
    assert [line for line in said if line.startswith("taxi_rides: Too few predictions to compare: 0 by")]
    (row,) = fresh.store.reports(9, "telecom_churn")
    page = (fresh.folder / row["file"]).read_text()
    assert row["file"].startswith("report-telecom_churn-")
    assert "by other runs of this table" not in page
    moved = next(one for one in fresh.store.reports(9, "credit_card_churn") if one["has_drift"])
    others = re.search(r"([\d,]+) more predictions", (fresh.folder / moved["file"]).read_text())
    # An estimate where they are many; with those of the other table it would be 1,710.
    assert int(others[1].replace(",", "")) == pytest.approx(MAX_RUNS * 350, rel=0.1)
    index = (fresh.folder / "reports.html").read_text()
    order = [index.index(f'id="{name}"') for name in ("credit_card_churn", "telecom_churn", "taxi_rides")]
    assert order == sorted(order)


def test_a_period_with_more_than_a_report_reads_is_sampled_and_the_other_runs_are_told(fresh, bundle):
    frame = bundle.reference().head(1_200)
    fresh.predict(frame.head(300), "other", "e" * 32)
    frame["credit_limit"] /= 2
    fresh.predict(frame, "sampled")
    fresh.settings = msgspec.structs.replace(fresh.settings, report_max_rows=1_000, report_min_rows=100)
    assert "1 of 11 features moved (credit_limit)" in fresh.make()
    page = (fresh.folder / fresh.pages()[0]).read_text()
    assert "a uniform sample of" in page
    assert "300 more predictions" in page
    row = fresh.store.reports(1)[0]
    assert 300 <= row["read_rows"] <= 1_000
    assert row["rows"] == pytest.approx(1_200, rel=0.3)
    assert sum(row["by_source"].values()) == pytest.approx(row["rows"], abs=4)


def test_a_store_that_is_down_makes_no_report_and_says_why(fresh):
    down = Wiring(Settings(mongo_uri=f"mongodb://127.0.0.1:{free_port()}")).predictions()
    with pytest.raises(Unavailable, match="the prediction store is not available"):
        make_report(down, [ReportedTable("churn", "Churn", None)], fresh.settings)
    assert not fresh.folder.exists()
