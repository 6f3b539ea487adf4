"""Which settings a service reads: those that its program's modules, and all they import, take from `settings`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from embedded.layout import PROJECT
from tabular.settings import Settings

PROGRAMS = {
    "api": ("server/gunicorn.conf.py", "server/api/app.py"),
    "consumer": ("server/stream/consumer.py", "server/scoring/check_bundle.py"),
    "monitor": ("monitoring/exporter.py",),
    "flows": (
        "model_orchestration/flow.py",
        "model_orchestration/init_aws.py",
        "model_orchestration/champion.py",
        "reporting/flow.py",
        "reporting/labels.py",
    ),
    "send_data_api": ("simulation_business/send_data_api.py",),
    "send_data_kinesis": ("simulation_business/send_data_kinesis.py",),
}


def settings_read_by(program: str) -> set[str]:
    """The variables of these settings."""
    trees = _trees(PROJECT / path for path in PROGRAMS[program])
    return {
        node.attr.upper()
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in Settings.__struct_fields__ and _is_settings(node.value)
    }


def _is_settings(value: ast.expr) -> bool:
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name.endswith("settings")


def _trees(paths: Iterable[Path]) -> list[ast.Module]:
    found: dict[Path, ast.Module] = {}
    left = list(paths)
    while left:
        path = left.pop()
        if path not in found:
            found[path] = ast.parse(path.read_text())
            left += _imports(found[path])
    return list(found.values())


def _imports(tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            for path in (PROJECT / f"{name.replace('.', '/')}.py", PROJECT / name.replace(".", "/") / "__init__.py"):
                if path.exists():
                    yield path
