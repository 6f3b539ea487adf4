"""The logs of all services as one: every notation is read, entries stay whole, and what is asked for is found."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from embedded.supervision import log_files
from tabular.errors import InvalidSetting, NotFound
from tabular.logs.arguments import asked
from tabular.logs.entries import entries
from tabular.logs.following import followed, from_compose, from_tail, gathered
from tabular.logs.selection import Selection, chosen, selection

NOW = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
AT = datetime(2026, 11, 27, 16, 59, 30, tzinfo=UTC)
NOTATIONS = {
    "2026-11-27T16:59:30.000Z WARNING server.api.app: x": "warning",
    '{"time":"2026-11-27T16:59:30.000Z","level":"ERROR","message":"warning"}': "error",
    "[2026-11-27 16:59:30 +0000] [12] [INFO] Booting worker": "info",
    "2026/11/27 16:59:30 [crit] 7#7: *1 open() failed": "critical",
    '127.0.0.1 - - [27/Nov/2026:16:59:30 +0000] "GET / HTTP/1.1" 200': "info",
    'ts=2026-11-27T16:59:30.000Z caller=main.go:1 level=warn msg="x"': "warning",
    '{"ts":"2026-11-27T16:59:30.000Z","caller":"main.go:1","level":"error","msg":"x"}': "error",
    '{"t":{"$date":"2026-11-27T16:59:30.000+00:00"},"s":"W","c":"NETWORK","msg":"x"}': "warning",
    "2026-11-27T17:59:30+01:00 | ERROR   | prefect - x": "error",
    "2026-11-27T16:59:30Z plain words": "info",
}


@pytest.mark.parametrize("line", NOTATIONS)
def test_each_programs_notation_is_read(line):
    [entry] = entries("x", [line])
    assert (entry.at, entry.level, entry.text) == (AT, NOTATIONS[line], line)


def test_a_traceback_belongs_to_the_entry_before_it():
    lines = ["2026-11-27T16:59:30Z ERROR a: broke", "Traceback (most recent call last):", "  File x", "ValueError: y"]
    found = list(entries("api", [*lines, "2026-11-27T16:59:31Z INFO a: on"]))
    assert [entry.text for entry in found] == ["\n".join(lines), "2026-11-27T16:59:31Z INFO a: on"]


def test_a_line_that_begins_with_a_level_has_the_time_of_the_one_before_it():
    found = list(entries("mlflow", ["2026-11-27T16:59:30Z INFO a: on", 'INFO:     127.0.0.1 - "GET /"', "WARNING: x"]))
    assert [(entry.at, entry.level) for entry in found] == [(AT, "info"), (AT, "info"), (AT, "warning")]


def test_a_time_that_cannot_be_is_none():
    assert [entry.at for entry in entries("x", ["2026-02-31T16:59:30Z INFO a: x"], NOW)] == [NOW]


def line(seconds: int, level: str, text: str) -> str:
    return f"{AT + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ} {level} a: {text}"


LOGS = {
    "api": [line(0, "INFO", "one"), line(2, "ERROR", "three [request_id=r-1]"), "  more of three"],
    "consumer-2": [line(1, "WARNING", "two"), line(3, "INFO", "four [request_id=r-1]")],
}


def texts(**words: str) -> list[str]:
    given = {"service": "", "level": "", "since": "", "text": ""} | words
    wanted = selection(**given, now=NOW)
    found = chosen((entries(name, lines) for name, lines in LOGS.items()), wanted, 100)
    return [re.search(r"one|two|three|four", text).group() for text in found]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, ["one", "two", "three", "four"]),
        ({"service": "api"}, ["one", "three"]),
        ({"service": "consumer"}, ["two", "four"]),
        ({"service": "consumer-2,api", "level": "warning"}, ["two", "three"]),
        ({"level": "ERROR"}, ["three"]),
        ({"text": "r-1"}, ["three", "four"]),
        ({"text": "more of three"}, ["three"]),
        ({"since": "29s"}, ["two", "three", "four"]),
        ({"since": "1m"}, ["one", "two", "three", "four"]),
        ({"since": "2026-11-27T16:59:32Z"}, ["three", "four"]),
    ],
)
def test_what_is_asked_for_is_found_in_order_of_time(words, expected):
    assert texts(**words) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--level", "loud"], "level='loud' is none: it is one of debug, info, warning, error, critical"),
        (["--since", "yesterday"], "since='yesterday' is no time: give how long ago, as 10m"),
        (["--since", "2026-13-01"], "since='2026-13-01' is no date or time"),
        (["--n", "0"], "n='0' is no number of entries"),
    ],
)
def test_a_word_that_cannot_be_meant_is_named(words, said):
    with pytest.raises(InvalidSetting, match=re.escape(said)):
        asked(words)


def test_the_logs_of_containers_are_read_with_their_names():
    lines = [f"serve-api-a-1  | {line(0, 'INFO', 'one')}\n", f"mongo-1        | {line(1, 'ERROR', 'two')}\n", "\n"]
    found = gathered(from_compose(lines), Selection(level="error"), 100)
    assert found == [f"mongo | {line(1, 'ERROR', 'two')}"]
    assert gathered(from_compose(lines), Selection(frozenset({"serve-api"})), 100)[0].startswith("serve-api-a | ")


def test_what_follows_is_shown_at_once_with_the_lines_that_belong_to_it():
    lines = ["==> /x/logs/api.log <==", *LOGS["api"], "", "==> /x/logs/consumer-2.log <==", *LOGS["consumer-2"]]
    found = list(followed(from_tail(lines), Selection(level="error")))
    assert found == [f"api | {LOGS['api'][1]}", f"api | {LOGS['api'][2]}"]


@pytest.fixture
def folder(tmp_path):
    for name, lines in LOGS.items():
        (tmp_path / f"{name}.log").write_text("\n".join(lines) + "\n")
    (tmp_path / "api.log.1").write_text(line(-9, "INFO", "zero") + "\n")
    return tmp_path


def test_the_files_of_a_stack_are_merged_with_those_that_were_rotated(folder, capsys):
    log_files.show(folder, [])
    assert [each.partition(" a: ")[2][:4] for each in capsys.readouterr().out.splitlines() if " a: " in each] == [
        "zero",
        "one",
        "two",
        "thre",
        "four",
    ]


def test_the_newest_are_shown_unless_there_is_more_to_go_by(folder, capsys):
    log_files.show(folder, ["--n", "1"])
    assert capsys.readouterr().out == f"consumer-2 | {LOGS['consumer-2'][1]}\n"


def test_a_service_that_has_no_log_is_named_with_those_that_have(folder):
    with pytest.raises(NotFound, match=r"no log of monitor\. There are: api, consumer-2"):
        log_files.show(folder, ["--service", "api,monitor"])


def test_without_logs_the_next_step_is_named(tmp_path):
    with pytest.raises(NotFound, match="make run"):
        log_files.show(tmp_path, [])
