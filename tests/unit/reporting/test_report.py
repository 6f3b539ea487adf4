"""A report as data and as a page: the finding in words, quality only from labels, nothing from data unescaped."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from reporting.over_time.lines import LABELS_A_POINT
from reporting.page import report_page
from reporting.publish import TableIndex, index_page
from reporting.report import build_report, summary
from tabular.contract.types import Contract
from tabular.predictions.sampling import Sample
from tabular.quality.row_counts import TooFewRows
from tests.unit.reporting.conftest import PERIOD

SCRIPT = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def frame(bundle):
    return bundle.reference().head(600)


@pytest.fixture(scope="module")
def steady(bundle, frame, predict):
    return predict(bundle, frame)


@pytest.fixture(scope="module")
def shifted(bundle, frame, predict):
    moved = frame.copy()
    moved["credit_limit"] /= 2
    moved.loc[:59, "gender"] = SCRIPT
    moved.loc[:119, "marital_status"] = None
    return predict(bundle, moved)


def labelled(predictions, labels):
    return [msgspec.structs.replace(one, label=label) for one, label in zip(predictions, labels, strict=False)]


def text_of(page: str) -> str:
    """The page's words, tags and style left out."""
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_a_steady_window_is_called_steady(bundle, steady, report_on):
    report = report_on(bundle, steady)
    assert report.finding == "No drift: none of the 11 features moved, nor did the scores."
    assert not report.has_drift
    page = text_of(report_page(report))
    assert report.finding in page
    assert "customers changed" not in page, "a row of another table is none"


def test_a_shifted_window_names_what_moved_the_worst_first(bundle, shifted, report_on):
    report = report_on(bundle, shifted)
    assert report.has_drift
    assert report.finding.startswith("Drift: 3 of 11 features moved (gender, marital_status, credit_limit)")
    severities = [view.drift.severity for view in report.columns if view.drift.drifted]
    assert len(severities) == 3
    assert severities == sorted(severities, reverse=True)
    assert all(not view.drift.drifted for view in report.columns[3:])
    page = text_of(report_page(report))
    assert page.index("credit_limit drifted") < page.index("customer_age steady")
    assert re.search(r"credit_limit drifted median \S+ → \S+ 0\.\d+ 0\.05 &lt; 0\.0001", page)


def test_a_plot_stands_for_every_feature_the_scores_and_the_volume(bundle, steady, report_on):
    page = report_page(report_on(bundle, steady))
    assert page.count("<svg") == len(bundle.contract.features) + 2
    assert page.count("<polyline") == 1 + sum(feature.is_numeric for feature in bundle.contract.features)


def test_nothing_from_data_is_markup(bundle, shifted, report_on):
    report = report_on(bundle, shifted)
    page = report_page(report)
    assert "<script" not in page
    named = msgspec.structs.replace(bundle.contract.table, title=SCRIPT)
    evil = msgspec.structs.replace(bundle.contract, table=named)
    renamed = type(bundle)(**{**vars(bundle), "contract": evil})
    page = report_page(type(report)(**{**vars(report), "bundle": renamed, "run_id": SCRIPT}))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    row = {**summary(report, "report-1"), "finding": SCRIPT, "title": SCRIPT, "run_id": SCRIPT, "file": '"><script>'}
    assert "<script" not in index_page([TableIndex(SCRIPT, SCRIPT, [row], SCRIPT)] * 2, report.period.made_at)


def test_a_page_asks_for_nothing_and_runs_nothing(bundle, shifted, report_on):
    page = report_page(report_on(bundle, shifted))
    assert not re.search(r"<(script|link rel=.stylesheet|img|iframe|object)|https?://|\son\w+=|@import|url\(", page)
    assert len(page) < 300_000


def test_without_labels_quality_is_unknown(bundle, steady, report_on):
    report = report_on(bundle, steady)
    assert report.quality is None
    page = text_of(report_page(report))
    assert "Unknown." in page
    assert page.count("ROC-AUC") == page.count("ROC-AUC, estimated") == 1
    assert summary(report, "x")["quality"] is None


def test_quality_is_measured_on_the_labelled_ones_and_says_how_many(bundle, steady, report_on):
    truth = ["Attrited Customer" if one.score > 0.5 else "Existing Customer" for one in steady[:250]]
    report = report_on(bundle, labelled(steady[:250], truth) + steady[250:])
    assert report.quality.labels == 250
    assert report.quality.measures["roc_auc"] == 1.0
    assert report.quality.reference["roc_auc"] < 1.0
    page = text_of(report_page(report))
    assert "Measured on the 250 newest predictions of this run whose true label is known" in page
    assert "ROC-AUC 1" in page


def test_the_errors_of_the_probability_and_every_interval_are_on_the_page(bundle, steady, report_on):
    truth = ["Attrited Customer" if at % 3 else "Existing Customer" for at in range(600)]
    report = report_on(bundle, labelled(steady, truth))
    found = report.quality.measures
    assert found["mse"] == found["brier"]
    assert found["share_off_by_more"] == pytest.approx(1 - found["accuracy"], abs=0.01)
    assert {*found} - {*report.quality.intervals} == {"positive_share", "mean_score"}
    assert all(low <= found[name] <= high for name, (low, high) in report.quality.intervals.items())
    page = text_of(report_page(report))
    low, high = report.quality.intervals["rmse"]
    assert f"RMSE {found['rmse']:.3g} {low:.3g} to {high:.3g}" in page
    assert "share off by more than 0.5" in page


def test_quality_by_slice_has_labels_intervals_and_the_reference_beside_it(bundle, steady, report_on):
    truth = ["Attrited Customer" if at % 3 else "Existing Customer" for at in range(600)]
    report = report_on(bundle, labelled(steady[:500], truth) + steady[500:])
    (feature, *_) = bundle.contract.table.slice_features
    own = [one for one in report.quality.slices if one.feature == feature]
    assert sum(one.labels for one in own) == 500
    assert any(one.interval.low <= one.measure <= one.interval.high and one.reference for one in own if one.measure)
    page = text_of(report_page(report))
    assert "By slice" in page
    assert f"{feature} {own[0].value} {own[0].labels}" in page
    few = text_of(report_page(report_on(bundle, labelled(steady[:20], truth) + steady[20:])))
    assert "too few labels" in few


def test_labels_of_one_class_give_no_ranking(bundle, steady, report_on):
    report = report_on(bundle, labelled(steady, ["Existing Customer"] * 10) + steady[10:])
    assert "roc_auc" not in report.quality.measures
    assert report.quality.measures["positive_share"] == 0
    page = text_of(report_page(report))
    assert "cannot be measured" in page
    assert "few" in page


def test_labels_that_name_no_class_are_counted_and_left_out(bundle, steady, report_on):
    report = report_on(bundle, labelled(steady, [SCRIPT, 1.0, "existing"]) + steady[3:])
    assert (report.quality.labels, report.quality.unreadable, report.quality.measures) == (0, 3, {})
    assert "3 labels name no class" in text_of(report_page(report))


def test_predictions_of_other_runs_are_told_and_not_compared(bundle, steady, report_on):
    report = report_on(bundle, steady, other_runs=40)
    assert (report.drift.rows, report.other_runs, report.run_id) == (600, 40, "a" * 32)
    assert "40 more predictions" in text_of(report_page(report))


def test_documents_of_another_contract_are_told_and_left_out(bundle, steady, report_on):
    strange = [msgspec.structs.replace(one, id=f"x{at}", contract="z", row={"y": 1}) for at, one in enumerate(steady)]
    report = report_on(bundle, [*strange[:300], *steady], left_out=5)
    assert (report.drift.rows, report.has_drift, report.sample.left_out) == (600, False, 305)
    assert "305 documents that were read are no predictions" in text_of(report_page(report))
    assert report_on(bundle, strange) == TooFewRows(0, 300)


def test_volume_and_doors_add_up(bundle, steady, report_on):
    report = report_on(bundle, steady)
    assert report.by_source == {"api": 400, "stream": 200}
    assert [sum(counts) for counts in zip(*(moment.counts for moment in report.volume), strict=True)] == [400, 200]


def test_a_model_of_synthetic_data_is_told_on_the_page_in_the_index_and_in_the_store(bundle, steady, report_on):
    report = report_on(bundle, steady)
    made_up = replace(report, bundle=replace(bundle, synthetic=True))
    rows = [summary(one, "name") for one in (report, made_up)]
    assert [row["synthetic"] for row in rows] == [False, True]
    told = "trained on synthetic data"
    assert [told in report_page(one) for one in (report, made_up)] == [False, True]
    assert [told in index_page([TableIndex("t", "t", [row])], report.period.made_at) for row in rows] == [False, True]


@pytest.mark.parametrize("rows", [0, 1, 299])
def test_too_few_rows_make_no_report(bundle, steady, report_on, rows):
    assert report_on(bundle, steady[:rows]) == TooFewRows(rows, 300)


def test_a_window_that_was_cut_is_said_to_be(bundle, steady, report_on):
    page = text_of(report_page(report_on(bundle, steady, is_cut=True)))
    assert "holds more predictions than a report reads; these are the newest" in page


def test_a_sampled_window_is_told_with_its_error_and_its_counts_are_scaled_up(bundle, shifted, report_on):
    report = report_on(bundle, shifted, share=0.125)
    assert report.by_source == {"api": 3_200, "stream": 1_600}
    assert sum(sum(moment.counts) for moment in report.volume) == 4_800
    page = text_of(report_page(report))
    assert "about 4,800" in page
    assert "uniform sample of 600 of them" in page
    assert "no share and no point of a distribution is off by more than 6.6 %" in page
    assert re.search(r"gender drifted \S.* 480 ", page), "the unknown categories are scaled up, too"
    row = summary(report, "r")
    assert (row["rows"], row["read_rows"], row["sampling_error"]) == (4_800, 600, pytest.approx(0.0664, abs=1e-4))
    assert "uniform sample" not in text_of(report_page(report_on(bundle, shifted)))


def as_regression(contract: Contract) -> Contract:
    target = msgspec.structs.replace(contract.target, classes=(), positive=None)
    table = msgspec.structs.replace(contract.table, task="regression")
    return msgspec.structs.replace(contract, target=target, table=table)


def made_under(bundle, predictions):
    return [msgspec.structs.replace(one, contract=bundle.contract.digest) for one in predictions]


def test_a_regression_report_measures_errors(bundle, steady, report_on):
    numbers = type(bundle)(**{**vars(bundle), "contract": as_regression(bundle.contract)})
    steady = made_under(numbers, steady)
    report = report_on(numbers, labelled(steady[:300], [one.score + 0.5 for one in steady]) + steady[300:])
    assert report.quality.measures["mae"] == pytest.approx(0.5)
    assert report.quality.measures["rmse"] == pytest.approx(0.5)
    assert "MAE 0.5" in text_of(report_page(report))


def test_a_multiclass_report_measures_accuracy(multiclass_bundle, predict, report_on):
    steady = predict(multiclass_bundle, multiclass_bundle.reference().head(600))
    probabilities = {"low": 0.2, "mid": 0.7, "high": 0.1}
    several = [
        msgspec.structs.replace(one, probabilities=probabilities, predicted_class="mid", score=0.7) for one in steady
    ]
    report = report_on(multiclass_bundle, labelled(several, ["mid", "high"] * 100) + several[200:])
    assert report.quality.measures["accuracy"] == 0.5
    assert "accuracy 0.5" in text_of(report_page(report))


def test_a_multiclass_report_has_the_reference_beside_its_quality_and_its_classes(
    multiclass_bundle, predict, report_on
):
    reference = multiclass_bundle.reference()
    steady = predict(multiclass_bundle, reference.head(600))
    classes = multiclass_bundle.contract.target.classes
    truth = [classes[int(code)] for code in reference["__target__"].head(600)]
    report = report_on(multiclass_bundle, labelled(steady, truth))
    assert not report.has_drift
    assert [bin_.name for bin_ in report.classes] == list(classes)
    assert sum(bin_.reference for bin_ in report.classes) == pytest.approx(1)
    assert sum(bin_.current for bin_ in report.classes) == pytest.approx(1)
    assert (
        report.quality.measures.keys()
        == report.quality.reference.keys()
        == {"roc_auc", "accuracy", "log_loss", "brier"}
    )
    hits = reference["__predicted_class__"] == reference["__target__"]
    assert report.quality.reference["accuracy"] == pytest.approx(hits.mean())
    assert report.quality.measures["accuracy"] == pytest.approx(hits.head(600).mean())
    assert all(one.reference is not None for one in report.quality.slices)
    page = text_of(report_page(report))
    assert "Predicted classes steady" in page
    assert summary(report, "r")["predicted_class_drift"] is False


def test_rows_of_a_reference_without_scores_are_not_in_its_quality(bundle, steady, report_on, monkeypatch):
    half = bundle.reference()
    half.loc[: len(half) // 2, "__score__"] = None
    truth = ["Attrited Customer" if at % 3 else "Existing Customer" for at in range(600)]
    monkeypatch.setattr(type(bundle), "reference", lambda _: half)
    report = report_on(bundle, labelled(steady, truth))
    known = half.dropna(subset="__score__")
    assert report.quality.reference["accuracy"] == pytest.approx(
        ((known["__score__"] >= 0.5) == known["__target__"]).mean()
    )
    assert any(one.reference is not None for one in report.quality.slices)


def test_another_mix_of_predicted_classes_is_the_finding_of_a_multiclass_report(multiclass_bundle, predict, report_on):
    steady = predict(multiclass_bundle, multiclass_bundle.reference().head(600))
    moved = [msgspec.structs.replace(one, predicted_class="mid") for one in steady]
    report = report_on(multiclass_bundle, moved)
    assert report.has_drift
    assert report.finding == "The mix of predicted classes drifted, though none of the 4 features did by itself."
    page = text_of(report_page(report))
    assert re.search(r"Predicted classes drifted (low|mid|high): \d+ % → \d+ %, distance 0\.\d+, p &lt; 0\.0001", page)
    assert summary(report, "r")["predicted_class_drift"] is True


def test_columns_without_any_value_and_constant_ones_are_drawn(bundle, steady, report_on):
    gone = {"credit_limit": None, "gender": None, "customer_age": 40}
    odd = [msgspec.structs.replace(one, row={**one.row, **gone}) for one in steady]
    report = report_on(bundle, odd)
    assert set(report.drift.drifted_columns) == set(gone)
    assert "missing values" in text_of(report_page(report))


def test_the_index_lists_reports_and_gives_the_news(bundle, steady, shifted, report_on):
    rows = [summary(report_on(bundle, window), name) for name, window in (("report-2", shifted), ("report-1", steady))]
    page = index_page([TableIndex("t", "t", rows)], rows[0]["made_at"])
    assert page.index('href="report-2.html"') < page.index('href="report-1.html"')
    assert rows[0]["finding"] in text_of(page)
    none = text_of(index_page([TableIndex("t", "t", [], "Too few predictions to compare")], rows[0]["made_at"]))
    assert "There is no report yet." in none
    assert "Too few predictions to compare" in none


def test_quality_is_measured_on_labels_of_predictions_that_are_older_than_the_period(bundle, steady, frame):
    truth = [bundle.contract.target.classes[0]] * 100 + [bundle.contract.target.classes[1]] * 100
    old = [
        msgspec.structs.replace(one, made_at=one.made_at - timedelta(days=60), id=f"old {one.id}")
        for one in labelled(steady[:200], truth)
    ]
    report = build_report(bundle, Sample(steady), PERIOD, min_rows=300, labelled=old)
    assert report.quality.labels == 200
    assert report.quality.newest_at < PERIOD.since
    assert f"{old[-1].made_at:%d %b %Y}" in text_of(report_page(report))


def test_quality_over_time_has_a_line_for_all_and_for_each_slice_with_the_reference_dashed(bundle, steady, report_on):
    truth = ["Attrited Customer" if one.score > 0.5 else "Existing Customer" for one in steady]
    report = report_on(bundle, labelled(steady, truth))
    assert len(report.over_time.moments) == 600 // LABELS_A_POINT
    assert [*report.over_time.moments] == sorted(report.over_time.moments)
    (_, (whole,)), *by_slice = report.over_time.plots
    assert all(point.interval.low <= point.value <= point.interval.high for point in whole.points)
    assert [name for name, _ in by_slice] == list(bundle.contract.table.slice_features)
    assert all(len(line.points) == len(whole.points) for _, lines in by_slice for line in lines)
    page = report_page(report)
    drawn = {name: any(point for line in lines for point in line.points) for name, lines in by_slice}
    assert {*drawn.values()} == {True, False}, "slices of a few values have enough labels, those of many have not"
    assert page.count('class="promised"') == 1 + sum(drawn.values())
    assert {name: f"<h4>By {name}</h4>" in page for name in drawn} == drawn


def test_quality_that_falls_is_seen_to_fall(bundle, steady, report_on):
    right = ["Attrited Customer" if one.score > 0.5 else "Existing Customer" for one in steady]
    turned = {"Attrited Customer": "Existing Customer", "Existing Customer": "Attrited Customer"}
    newest_are_wrong = [turned[label] if at < 200 else label for at, label in enumerate(right)]
    report = report_on(bundle, labelled(steady, newest_are_wrong))
    values = [point.value for point in report.over_time.plots[0][1][0].points]
    assert min(values[:4]) > 0.9
    assert max(values[4:]) < 0.1


def test_few_labels_are_no_line_over_time(bundle, steady, report_on):
    report = report_on(bundle, labelled(steady, ["Attrited Customer"] * 199) + steady[199:])
    assert report.over_time is None
    assert "over time</h3>" not in report_page(report)


def test_the_estimate_stands_apart_is_called_so_and_stays_where_it_was_when_outcomes_are_turned(
    bundle, steady, report_on
):
    report = report_on(bundle, steady)
    page = text_of(report_page(report))
    assert "Estimated, not measured" in page
    assert "blind to concept drift" in page
    assert "ROC-AUC, estimated" in page
    assert "Unknown." in page
    wrong = ["Attrited Customer" if one.score < 0.5 else "Existing Customer" for one in steady]
    turned = report_on(bundle, labelled(steady, wrong))
    assert turned.estimates == report.estimates
    assert turned.quality.measures["roc_auc"] < 0.1 < report.estimates["roc_auc"].interval.low


def test_a_regression_says_why_it_has_no_estimate(bundle, steady, report_on):
    numbers = type(bundle)(**{**vars(bundle), "contract": as_regression(bundle.contract)})
    report = report_on(numbers, made_under(numbers, steady))
    assert (report.estimates, report.no_estimate.startswith("A regression has no estimate")) == ({}, True)
    assert report.no_estimate in text_of(report_page(report))
