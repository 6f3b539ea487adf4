"""Which settings a service reads: those that its program's modules, and all they import, take from `settings`.

Of the composition root those count that make what the program asks it for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from embedded.layout import PROJECT
from tabular.settings import Settings

PROGRAMS = {
    "api": ("server/gunicorn.conf.py", "server/api/app.py", "server/scoring/check_responses.py"),
    "consumer": ("server/stream/consumer.py", "server/scoring/check_bundle.py"),
    "shadow": ("server/shadow/__main__.py",),
    "monitor": ("monitoring/exporter.py",),
    "flows": (
        "model_orchestration/flow.py",
        "model_orchestration/init_aws.py",
        "model_orchestration/champion.py",
        "model_orchestration/data/harvest/__main__.py",
        "model_orchestration/react/flow.py",
        "model_orchestration/retention/flow.py",
        "reporting/flow.py",
        "reporting/labels.py",
    ),
    "front_page": ("reporting/front_page/__main__.py",),
    "send_data_api": ("simulation_business/send_data_api.py", "simulation_business/table_rows.py"),
    "send_data_kinesis": ("simulation_business/send_data_kinesis.py", "simulation_business/table_rows.py"),
}


WIRING = PROJECT / "tabular/wiring.py"


def settings_read_by(program: str) -> set[str]:
    """The variables of these settings."""
    trees = _trees(PROJECT / path for path in PROGRAMS[program])
    root = trees.pop(WIRING, None)
    read = set().union(*map(_read_in, trees.values()))
    if root is not None:
        parts = _parts_of(root)
        asked = {node.attr for tree in trees.values() for node in _attributes(tree) if _is(node.value, "wiring")}
        read |= _read_by_parts(asked & parts.keys(), parts)
    return {name.upper() for name in read}


def _read_by_parts(asked: set[str], parts: dict[str, ast.FunctionDef]) -> set[str]:
    """The settings that these methods of the composition root read, and those that they call."""
    seen: set[str] = set()
    while left := asked - seen:
        seen |= left
        asked |= {
            node.attr for name in left for node in _attributes(parts[name]) if _is(node.value, "self")
        } & parts.keys()
    return set().union(*(_read_in(parts[name]) for name in seen))


def _parts_of(root: ast.Module) -> dict[str, ast.FunctionDef]:
    [wiring] = (node for node in root.body if isinstance(node, ast.ClassDef))
    return {node.name: node for node in wiring.body if isinstance(node, ast.FunctionDef)}


def _read_in(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in _attributes(tree)
        if node.attr in Settings.__struct_fields__ and _is(node.value, "settings")
    }


def _attributes(tree: ast.AST) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def _is(value: ast.expr, kind: str) -> bool:
    """Whether it is named so, or is what `wire()` or `Wiring(...)` gives where that is asked for."""
    if isinstance(value, ast.Call):
        return kind == "wiring" and isinstance(value.func, ast.Name) and value.func.id in ("wire", "Wiring")
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name.endswith(kind)


def _trees(paths: Iterable[Path]) -> dict[Path, ast.Module]:
    found: dict[Path, ast.Module] = {}
    left = list(paths)
    while left:
        path = left.pop()
        if path not in found:
            found[path] = ast.parse(path.read_text())
            left += _imports(found[path])
    return found


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
