"""A record as a line: JSON with standard keys, or text, both with what the record is about."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tabular.logs.entries import entries
from tabular.logs.formats import JsonLines, TextLines, formatter


def record(message: str = "wrote %d", *values: object, **about: str) -> logging.LogRecord:
    made = logging.LogRecord("server.api.app", logging.WARNING, "app.py", 1, message, values or (3,), None)
    made.created = datetime(2026, 11, 27, 17, 0, 0, 123_456, UTC).timestamp()
    made.__dict__.update(about)
    return made


def test_a_json_line_has_the_standard_keys_and_what_it_is_about():
    line = json.loads(JsonLines("api").format(record(request_id="r-1", table="churn", run_id="")))
    assert line == {
        "time": "2026-11-27T17:00:00.123Z",
        "level": "WARNING",
        "service": "api",
        "logger": "server.api.app",
        "message": "wrote 3",
        "request_id": "r-1",
        "table": "churn",
    }


def test_a_traceback_and_any_text_stay_within_one_json_line():
    try:
        raise ValueError('two\nlines, "quoted"\x00')
    except ValueError:
        failed = logging.LogRecord("a", logging.ERROR, "a.py", 1, "multi\nline", (), sys.exc_info())
    line = JsonLines("api").format(failed)
    assert "\n" not in line
    assert json.loads(line)["message"] == "multi\nline"
    assert json.loads(line)["error"].endswith('ValueError: two\nlines, "quoted"\x00')


def test_a_text_line_begins_with_its_time_and_level_and_ends_with_what_it_is_about():
    line = TextLines().format(record(request_id="r-1"))
    assert line == "2026-11-27T17:00:00.123Z WARNING server.api.app: wrote 3 [request_id=r-1]"


@pytest.mark.parametrize("form", ["text", "json"])
def test_each_form_is_read_again(form):
    line = formatter(form, "api").format(record())
    [entry] = entries("api", [line])
    assert (entry.at, entry.level) == (datetime(2026, 11, 27, 17, 0, 0, 123_000, UTC), "warning")


def lines_of_a_process(**environ: str) -> list[str]:
    code = """
import logging
from tabular.logs.set_up import set_up_process
set_up_process("monitor")
logging.getLogger("a").warning("one", extra={"request_id": "r-1"})
logging.getLogger("a").debug("not this")
"""
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_a_process_logs_in_the_form_that_is_set():
    [line] = lines_of_a_process(LOG_FORMAT="json")
    found = json.loads(line)
    assert (found["service"], found["message"], found["request_id"]) == ("monitor", "one", "r-1")


@pytest.mark.parametrize("environ", [{}, {"LOG_FORMAT": "text"}, {"LOG_FORMAT": "xml"}])
def test_a_process_logs_text_if_no_other_form_is_set(environ):
    [line] = lines_of_a_process(**environ)
    assert line.endswith("Z WARNING a: one [request_id=r-1]")
