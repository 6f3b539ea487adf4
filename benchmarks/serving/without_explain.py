"""The API without explanations: its own code, read and compiled without what asks whether a row is to be explained.

    gunicorn --config server/gunicorn.conf.py "benchmarks.serving.without_explain:create_app()"

So it is the code of this commit, whatever that is, and no copy of it. What is taken out are the parameter
`explain`, who hands it on, and what is done if it is true.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ASKED = "explain"
MODULES = ("server.api.handlers", "server.api.app")
"""The modules of the path of a plain row that know of explanations, each before who imports it."""


def create_app() -> Any:
    """The application, as `server.api.app.create_app` makes its own."""
    return loaded()[-1].create_app()


def loaded() -> list[ModuleType]:
    """The modules without explanations, which whoever imports them gets from now on."""
    return [_loaded(name) for name in MODULES]


def without(source: str) -> ast.Module:
    """The code without explanations."""
    tree = _Without().visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


class _Without(ast.NodeTransformer):
    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        given = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        kept = [(one, default) for one, default in given if one.arg != ASKED]
        node.kwonlyargs, node.kw_defaults = [one for one, _ in kept], [default for _, default in kept]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [one for one in node.keywords if one.arg != ASKED]
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if _is_asked(node.targets[0]) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        return [self.visit(one) for one in node.orelse] if _is_asked(node.test) else self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.orelse) if _is_asked(node.test) else self.generic_visit(node)


def _is_asked(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == ASKED


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"there is no module {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    source = Path(spec.origin).read_text(encoding="utf-8")
    exec(compile(without(source), spec.origin, "exec"), module.__dict__)
    return module
