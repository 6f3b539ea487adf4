"""The dashboards and the alerts tell one table from another: every query of a metric that has the label keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((PROJECT / "monitoring/grafana/dashboards").glob("*.json"))
METRIC = re.compile(r"\b((?:monitor|api|http|consumer|shadow)_[a-z0-9_]+)(\{[^}]*\})?")
AGGREGATION = re.compile(r"\b(?:sum|min|max|count|avg)\b\s*(?:by\s*\(([^)]*)\))?\s*\(")
ONE_TABLE = 'table=~"$table"'


def has_table() -> dict[str, bool]:
    """Every metric of the reference page, which a test holds against the code, and whether it has the label."""
    page = (PROJECT / "docs/reference/metrics.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| \w+ \| ([^|]*) \|", page, re.MULTILINE)
    assert len(rows) > 50
    return {name: "`table`" in labels for name, labels in rows}


KNOWN = has_table()


def of_table(name: str) -> bool:
    return KNOWN[name if name in KNOWN else re.sub(r"_(bucket|sum|count)$", "", name)]


def dashboards() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in DASHBOARDS:
        yield file.stem, json.loads(file.read_text())


TARGETS = [
    pytest.param(target, id=f"{name}: {panel['title']} {target['refId']}")
    for name, dashboard in dashboards()
    for panel in dashboard["panels"]
    for target in panel.get("targets", [])
]
ALERTS = [
    pytest.param(rule, id=rule["alert"])
    for group in yaml.safe_load((PROJECT / "monitoring/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]


def aggregations_without_table(expression: str) -> list[str]:
    return [by for by in AGGREGATION.findall(expression) if "table" not in by]


@pytest.mark.parametrize("target", TARGETS)
def test_every_panel_shows_the_chosen_tables_and_says_which(target: dict[str, Any]) -> None:
    found = [(of_table(name), labels) for name, labels in METRIC.findall(target["expr"])]
    for is_of_table, labels in found:
        assert (ONE_TABLE in labels) == is_of_table, target["expr"]
    if any(is_of_table for is_of_table, _ in found):
        assert aggregations_without_table(target["expr"]) == []
        assert "{{table}}" in target["legendFormat"]


@pytest.mark.parametrize(("name", "dashboard"), list(dashboards()))
def test_the_tables_can_be_chosen_and_all_of_them_at_once(name: str, dashboard: dict[str, Any]) -> None:
    (variable,) = dashboard["templating"]["list"]
    metric = re.fullmatch(r"label_values\((\w+), table\)", variable["query"]["query"])
    assert metric is not None, name
    assert of_table(metric[1])
    assert (variable["name"], variable["multi"], variable["includeAll"], variable["allValue"]) == (
        "table",
        True,
        True,
        ".*",
    )


@pytest.mark.parametrize("rule", ALERTS)
def test_every_alert_of_a_table_says_which(rule: dict[str, Any]) -> None:
    for part in re.split(r"\bor\b", rule["expr"]):
        names = [name for name, _ in METRIC.findall(part)]
        if any(map(of_table, names)):
            assert aggregations_without_table(part) == [], part
    if any(of_table(name) for name, _ in METRIC.findall(rule["expr"])):
        assert "$labels.table" in rule["annotations"]["summary"]
