"""Pages of reports and runs of MLflow: the newest page stays, and a sweep goes after its last trial."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from model_orchestration.retention.pages import old_pages
from model_orchestration.retention.part import Part
from model_orchestration.retention.runs import deletable, old_runs
from tabular.errors import NotFound
from tabular.ports.retention import OldRun

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def page(folder, table: str, days: float, ending: str = "html") -> str:
    name = f"report-{table}-{NOW - days * DAY:%Y%m%dT%H%M%S.%fZ}-abc123.{ending}"
    (folder / name).write_text("x")
    return name


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def pages(folder, days: float, *, dry: bool = False) -> list[Part]:
    return list(old_pages(folder, "churn", days, NOW, dry=dry))


def test_old_pages_go_with_what_lies_beside_them_but_for_the_newest_and_other_tables(tmp_path):
    old = [page(tmp_path, "churn", 9), page(tmp_path, "churn", 9, "json"), page(tmp_path, "churn", 8)]
    kept = [page(tmp_path, "churn", 1), page(tmp_path, "churn-2", 9), page(tmp_path, "taxi", 9)]
    (tmp_path / "index.html").write_text("x")
    (tmp_path / "report-churn-of-mine.html").write_text("x")
    [dry] = pages(tmp_path, 7, dry=True)
    assert set(old) < names(tmp_path)
    [part] = pages(tmp_path, 7)
    assert part.deleted == dry.deleted == 2
    assert names(tmp_path) == {*kept, "index.html", "report-churn-of-mine.html"}


def test_the_newest_page_stays_however_old_it_is(tmp_path):
    newest = page(tmp_path, "churn", 100)
    page(tmp_path, "churn", 101)
    assert pages(tmp_path, 7)[0].deleted == 1
    assert names(tmp_path) == {newest}


def test_nothing_is_said_of_what_no_setting_is_about(tmp_path):
    page(tmp_path, "churn", 100)
    assert pages(tmp_path, 0) == []


class Runs:
    """The runs of an MLflow that has one which somebody deletes by hand."""

    def __init__(self, *found: OldRun) -> None:
        self.found, self.deleted = list(found), []

    def ended_before(self, before):
        assert before == NOW - 30 * DAY
        return self.found

    def registered(self):
        return {"version"}

    def delete_run(self, run_id):
        if run_id == "gone":
            raise NotFound(run_id)
        self.deleted.append(run_id)


def test_trials_go_before_their_sweep_and_what_is_needed_keeps_its_sweep():
    runs = Runs(
        OldRun("sweep", None), OldRun("a", "sweep"), OldRun("gone", "sweep"),
        OldRun("kept sweep", None), OldRun("b", "kept sweep"), OldRun("version", "kept sweep"),
        OldRun("served sweep", None), OldRun("predicted", "served sweep"),
    )  # fmt: skip
    [dry] = old_runs(runs, {"predicted"}, 30, NOW, dry=True)
    assert (runs.deleted, dry.deleted) == ([], 4)
    [part] = old_runs(runs, {"predicted"}, 30, NOW, dry=False)
    assert runs.deleted == ["a", "b", "sweep"]
    assert part.deleted == 4
    assert "4 older ones that are model versions" in part.kept[1]


def test_a_sweep_of_which_a_trial_is_needed_is_not_deleted():
    found = [OldRun("sweep", None), OldRun("a", "sweep")]
    assert deletable(found, {"a"}) == []
    assert [run.run_id for run in deletable(found, set())] == ["a", "sweep"]


@pytest.mark.parametrize(("dry", "said"), [(True, "would be deleted"), (False, "2 deleted")])
def test_a_part_says_what_went_and_why_the_rest_stays(dry, said):
    assert said in Part("report pages", 2, ["the newest"]).line(dry=dry)
    assert Part("report pages", 2, ["a", "b"]).line(dry=dry).endswith("Kept: a; b")
