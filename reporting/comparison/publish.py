"""Writes the report that was asked for: its page, Evidently's pages of the same data, and its row in the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reporting.comparison.build import build_comparison
from reporting.comparison.comparison import Comparison
from reporting.comparison.page import comparison_page
from reporting.comparison.pairing import Pair, pairs_of
from reporting.comparison.prediction_rows import PredictionsOf
from reporting.comparison.reading import read_data_sets
from reporting.comparison.request import ReportRequest
from reporting.comparison.table_rows import TablesOf
from reporting.interactive.pages import TwoSides, write_evidently
from reporting.publish import COMPARISON, report_name, write_page
from reporting.report import Period
from reporting.table_reports import ReportedTable, write_report
from tabular.errors import Rejected
from tabular.ports.predictions import PredictionStore
from tabular.predictions.sampling import enough_for
from tabular.quality.row_counts import TooFewRows
from tabular.settings import Settings


@dataclass(frozen=True)
class Surroundings:
    """What a report is made with: the table, where its predictions and its versions are, the settings, and now."""

    table: ReportedTable
    store: PredictionStore
    tables: TablesOf
    settings: Settings
    now: datetime

    def predictions(self, data_sets: int) -> PredictionsOf:
        """What reads so many data sets of predictions, and of all together no more than one report reads."""
        settings = self.settings
        most = enough_for(settings.report_min_rows, settings.report_max_rows // max(data_sets, 1))
        return PredictionsOf(
            self.table.name, self.store, self.table.bundles, self.now, settings.report_window_hours, most
        )


def write_requested(request: ReportRequest, around: Surroundings, *, with_evidently: bool = False) -> str:
    """Write the report that was asked for; returns the finding in one sentence.

    Raises Rejected for what cannot be compared, saying what to choose, and what reading raises.
    """
    if request.is_of_one_model:
        return _on_one_model(request, around, with_evidently=with_evidently)
    return _on_data_sets(request, around, with_evidently=with_evidently)


def _on_one_model(request: ReportRequest, around: Surroundings, *, with_evidently: bool) -> str:
    read = around.predictions(1).read(request.current)
    newest, oldest = (read.sample.predictions[at].made_at for at in (0, -1))
    period = Period(*(read.period or (oldest, newest)), around.now, read.title)
    found = write_report(
        around.table,
        read.run_id,
        read.sample,
        period,
        around.store,
        around.settings,
        with_evidently=with_evidently,
    )
    if isinstance(found, TooFewRows):
        raise _too_few(found, read.title, "the reference of its model")
    return found


def _on_data_sets(request: ReportRequest, around: Surroundings, *, with_evidently: bool) -> str:
    reader = around.predictions(len({replace(one, slice=None) for one in request.sources if one.is_predictions}))
    sets = read_data_sets(request, reader, around.tables)
    pairs = pairs_of(request, sets)
    title = _title(request, pairs, sets.of(request.current).name)
    made = build_comparison(title, sets.contract, pairs, around.now, around.settings.report_min_rows)
    if isinstance(made, TooFewRows):
        raise _too_few(made, pairs[0].current.name, pairs[0].reference.name)
    name = report_name(around.table.name, around.now, title)
    sides = [TwoSides(one.current.name, one.reference.frame, one.current.frame) for one in pairs if len(one.current)]
    folder = around.settings.reports_dir
    pages = write_evidently(folder, name, sides if with_evidently else [], sets.contract)
    path = write_page(folder, f"{name}.html", comparison_page(made, pages))
    around.store.save_report(row_of(made, name))
    return f"{_sentence(title)}. {made.finding} See {path}"


def row_of(comparison: Comparison, name: str) -> dict[str, Any]:
    """The comparison's row in the store; `name` is its id and, with .html, its file. It tells nothing of quality."""
    current = comparison.sets[0].pair.current
    return {
        "_id": name,
        "kind": COMPARISON,
        "made_at": comparison.made_at,
        "file": f"{name}.html",
        "table": comparison.contract.table.name,
        "title": comparison.contract.table.title,
        "compared": comparison.title,
        "run_id": current.predictions[0].run_id if current.predictions else "",
        "synthetic": comparison.synthetic,
        "rows": sum(len(one.pair.current) for one in comparison.sets),
        "finding": f"{_sentence(comparison.title)}. {comparison.finding}",
        "has_drift": comparison.has_drift,
        "drifted_columns": [row.name for row in comparison.columns if row.severity[0]],
        "labels": 0,
        "quality": None,
    }


def _title(request: ReportRequest, pairs: list[Pair], whole: str) -> str:
    if len(pairs) == 1:
        return f"{pairs[0].current.name} compared with {pairs[0].reference.name}"
    beside = f" and {len(request.also)} more" if request.also else ""
    by = f" by {request.current.slice.column}" if request.current.slice and not request.current.slice.value else ""
    cut = f" in {request.windows} windows" if request.windows > 1 else ""
    references = {pair.reference.name for pair in pairs}
    against = references.pop() if len(references) == 1 else pairs[0].reference.name.rpartition(", ")[0]
    return f"{whole}{cut}{by}{beside} compared with {against}"


def _too_few(few: TooFewRows, current: str, reference: str) -> Rejected:
    if few.of == "window":
        return Rejected(
            f"{current}: {few.have} rows, and {few.need} are needed to compare them (REPORT_MIN_ROWS). Name a longer "
            "time, more rows, or no slice"
        )
    return Rejected(
        f"{reference}: {few.have} rows, and {few.need} are needed to compare with them. Name another data set in "
        "against=, or no slice"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
