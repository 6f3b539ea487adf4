"""What a report is to be about: the words of `make report`, read once for the command and the flow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reporting.comparison.request import ARGUMENTS, MAX_DATA_SETS, ReportRequest, request_of, yes_or_no
from reporting.comparison.source import Slice, Source
from tabular.errors import InvalidSetting

NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
A_SLICE = Slice("gender", "F")


def test_nothing_named_is_no_request():
    assert request_of({}) is None
    assert request_of(dict.fromkeys(ARGUMENTS, " ")) is None


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ({"since": "2026-11-01", "until": "2026-12-01"}, Source(since=NOVEMBER, until=DECEMBER)),
        ({"last": "1000"}, Source(last=1_000)),
        ({"last": "1000", "until": "2026-12-01T00:00Z"}, Source(last=1_000, until=DECEMBER)),
        ({"run": " 3f0a "}, Source(run="3f0a")),
    ],
)
def test_a_window_or_a_run_alone_is_beside_the_reference_of_its_model(words, source):
    request = request_of(words)
    assert request == ReportRequest(source)
    assert request.is_of_one_model
    assert request_of({**words, "against": "reference"}) == request


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (
            {"run": "a", "against": "run=b"},
            ReportRequest(Source(run="a"), against=Source(run="b")),
        ),
        (
            {"run": "a", "since": "2026-11-01", "against": "run=b"},
            ReportRequest(Source(run="a", since=NOVEMBER), against=Source(run="b", since=NOVEMBER)),
        ),
        (
            {"run": "a", "since": "2026-11-01", "against": "until=2026-11-01"},
            ReportRequest(Source(run="a", since=NOVEMBER), against=Source(run="a", until=NOVEMBER)),
        ),
        (
            {"version": "may", "against": "version=accepted"},
            ReportRequest(Source(version="may"), against=Source(version="accepted")),
        ),
        ({"version": "may"}, ReportRequest(Source(version="may"), against=Source(version="accepted"))),
        ({"file": "x.csv"}, ReportRequest(Source(file="x.csv"), against=Source(version="current"))),
        (
            {"last": "5", "slice": "gender=F", "against": "version=may"},
            ReportRequest(Source(last=5, slice=A_SLICE), against=Source(version="may", slice=A_SLICE)),
        ),
        (
            {"last": "5", "slice": "gender=F", "against": "slice=gender=M"},
            ReportRequest(Source(last=5, slice=A_SLICE), against=Source(last=5, slice=Slice("gender", "M"))),
        ),
        (
            {"version": "may", "slice": "gender=F", "against": "'slice=education level=High School'"},
            ReportRequest(
                Source(version="may", slice=A_SLICE),
                against=Source(version="may", slice=Slice("education level", "High School")),
            ),
        ),
        (
            {"last": "5", "also": "version=may; file='my rows.csv'", "windows": "3"},
            ReportRequest(Source(last=5), (Source(version="may"), Source(file="my rows.csv")), windows=3),
        ),
        ({"last": "5", "slice": "gender"}, ReportRequest(Source(last=5, slice=Slice("gender", None)))),
    ],
)
def test_what_a_further_data_set_leaves_open_is_that_of_the_first(words, request_):
    assert request_of(words) == request_
    assert not request_.is_of_one_model


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"sinse": "2026-11-01"}, r"sinse= is no argument of a report. Its arguments are run, since"),
        ({"since": "yesterday"}, r"since='yesterday' is no date or time: write it as 2026-11-01"),
        ({"since": "2026-12-01", "until": "2026-11-01"}, "since=2026-12-01 is not before until=2026-11-01: exchange"),
        ({"last": "many"}, "last='many' must be a whole number, 1 or more"),
        ({"last": "0"}, "last='0' must be a whole number"),
        ({"last": "5", "since": "2026-11-01"}, "last= and since= exclude each other: leave one of them out"),
        (
            {"version": "may", "file": "x"},
            "version= and file= are two data sets: give one of them in also= or against=",
        ),
        ({"version": "may", "run": "a"}, "run= is of predictions, version= of a table: name one of them"),
        ({"last": "5", "windows": "40"}, f"windows='40' must be a whole number, 1 to {MAX_DATA_SETS}"),
        ({"file": "x", "windows": "2"}, "windows= cuts predictions by time"),
        ({"file": "x", "against": "reference"}, "against=reference is the reference of a run: name the run too"),
        ({"last": "5", "against": "june"}, "against='june': 'june' must be WORD=VALUE, of the words run, since"),
        ({"last": "5", "against": "runs=a"}, "against='runs=a': runs= is none of run=, since="),
        ({"last": "5", "against": "run='a"}, "a quotation mark is not closed"),
        ({"last": "5", "against": "last=5"}, "against= names the same rows"),
        ({"last": "5", "also": "since=x"}, "also='since=x': since='x' is no date or time"),
        ({"last": "5", "slice": "=F"}, "slice='=F' must be COLUMN=VALUE, a COLUMN for each of its values, or all"),
        ({"last": "5", "slice": "gender="}, "slice='gender=' must be COLUMN=VALUE"),
        ({"last": "5", "also": "last=6;" * MAX_DATA_SETS}, "a report shows at most 12"),
    ],
)
def test_what_cannot_be_meant_names_the_argument_and_the_remedy(words, why):
    with pytest.raises(InvalidSetting, match=why.replace("(", r"\(")):
        request_of(words)


def test_yes_and_no_are_1_and_0():
    assert [yes_or_no("evidently", text) for text in ("1", "True", "0", "", "False")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(InvalidSetting, match="evidently='maybe' must be 1 or 0"):
        yes_or_no("evidently", "maybe")
