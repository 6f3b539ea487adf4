"""The reference pages that people wrote name everything that the code has."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from embedded.layout import PROJECT
from reporting import report
from server.api.openapi import document
from server.connections import errors
from server.scoring.model import ready_model
from server.stream.batch import dead_letters, predict, results
from server.stream.shard_reader import Position
from tabular.data.versions.version import Version
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import Prediction
from tabular.shadow.score import ShadowProgress, ShadowScore

REFERENCE = PROJECT / "docs" / "reference"
METRIC_MAKERS = {"Counter", "Gauge", "Histogram", "GaugeMetricFamily", "_gauge", "_counter", "_labelled"}


def unnamed(page: str, names: Iterable[str]) -> list[str]:
    """The names that the page does not have between backticks, alone or as a part of what stands there."""
    quoted = " ".join(re.findall(r"`([^`]+)`", (REFERENCE / page).read_text()))
    return sorted({name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", quoted)})


def calls(path: Path) -> list[tuple[str, list[object]]]:
    """Every call in a file: what is called, and its constant arguments (None for others)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found.append((name, [one.value if isinstance(one, ast.Constant) else None for one in node.args]))
    return found


def test_the_commands_page_names_every_target():
    lines = (PROJECT / "Makefile").read_text().splitlines()
    targets = {name for line in lines if (match := re.match(r"^([a-z_ -]+):(?!=)", line)) for name in match[1].split()}
    assert not unnamed("commands.md", (f"make {target}" for target in targets))


def test_the_http_page_names_every_route(contract):
    page = (REFERENCE / "http-api.md").read_text()
    routes = re.findall(r"^\| `(\w+ /[^`]*)`", page, re.MULTILINE)
    paths = document(contract, "", 1, needs_key=True)["paths"]
    described = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert sorted(routes) == sorted([*described, "GET /", "POST /"])


def test_the_http_page_names_every_status_and_code():
    page = (REFERENCE / "http-api.md").read_text()
    rows = set(re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.MULTILINE))
    known = {(str(status), code) for status, (code, _) in errors.DEFAULTS.items()}
    given = {
        (str(arguments[0]), str(arguments[2]))
        for path in (PROJECT / "server").rglob("*.py")
        for name, arguments in calls(path)
        if name == "HttpError" and len(arguments) > 2 and arguments[2]
    }
    assert given
    assert rows == known | given | {("422", "invalid_record")}


@pytest.fixture
def answers(make_bundle, contract):
    """A good and a bad record, answered."""
    record = StreamRecord("s@1", "shard", "1", "key", msgspec.json.encode(contract.example), datetime.now(UTC))
    bad = StreamRecord("s@1", "shard", "2", "key", b"{}", datetime.now(UTC))
    return predict(ready_model("run", make_bundle(contract)), [record, bad])


def test_the_stream_page_names_every_key_of_a_result_and_of_a_dead_letter(answers):
    shown = (REFERENCE / "stream.md").read_text()
    ((_, result),) = results(answers)
    assert not [key for key in msgspec.json.decode(result) if f'"{key}"' not in shown]
    ((_, letter),) = dead_letters(answers.rejected)
    decoded = msgspec.json.decode(letter)
    assert not unnamed("stream.md", [*decoded, *decoded["faults"][0]])


def test_the_store_page_names_every_field():
    predictions = {"_id", "made_at_us", *Prediction.__struct_fields__} - {"id"}
    tree = ast.parse(inspect.getsource(report.summary))
    (row,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    reports = {key.value for key in row.keys}
    assert len(reports) > 10
    checkpoints = {"saved_at", *Position.__struct_fields__}
    shadow = {*ShadowScore.__struct_fields__, *ShadowProgress.__struct_fields__}
    assert not unnamed("store.md", predictions | reports | checkpoints | shadow | set(Version.__struct_fields__))


def test_the_bundle_page_names_every_file_of_a_bundle(make_bundle, contract):
    files = [path.name for path in make_bundle(contract).folder.iterdir()]
    assert not unnamed("bundle.md", files)


def test_the_metrics_page_names_every_metric_that_is_made_in_code():
    made = {
        str(arguments[0])
        for path in (
            "server/api/metrics.py",
            "server/stream/metrics.py",
            "server/shadow/metrics.py",
            "monitoring/metrics.py",
        )
        for name, arguments in calls(PROJECT / path)
        if name in METRIC_MAKERS and arguments and arguments[0]
    }
    assert len(made) > 30
    page = (REFERENCE / "metrics.md").read_text()
    assert not [name for name in made if not re.search(rf"`{name}(_total)?`", page)]
