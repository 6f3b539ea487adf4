"""What code a step runs on: its function, and every function, class and constant of ours that it comes to use.

A step's kept result is used again as long as this digest is the same. It is taken of the parsed code, so that comments,
docstrings and the layout do not count. A module that is used as such counts whole; what it does when it is
imported always counts, and so do the versions of the libraries that training computes with.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OURS = ("model_orchestration", "tabular")
LIBRARIES = ("hyperopt", "lightgbm", "msgspec", "numpy", "pandas", "scikit-learn", "scipy", "xgboost")
DIGITS = 12
WHOLE, EFFECTS = "*", "!"

Place = tuple[str, str]
"""A module, and a name at its top; or WHOLE of it, or the statements that only have EFFECTS."""


def sweep_digest() -> str:
    """The digest of the code that a sweep runs on: 12 hex digits."""
    return step_digest("sweep")


def step_digest(step: str) -> str:
    """The digest of the code that a step of `model_orchestration.steps` runs on; raises LookupError."""
    return code_digest("model_orchestration.steps", f"{step}_step")


@cache
def code_digest(module: str, function: str, project: Path = PROJECT) -> str:
    """The digest of the code that a function of one of our modules runs on, in 12 hex digits; raises LookupError."""
    if function not in _Module.read(project, module).made:
        raise LookupError(f"{module} has no {function}")
    shapes: dict[Place, str] = {}
    left: list[Place] = [(module, function)]
    while left:
        place = left.pop()
        if place not in shapes:
            shapes[place], used = _looked_at(project, *place)
            left += [(place[0], EFFECTS), *used]
    libraries = [f"{name} {_version(name)}" for name in LIBRARIES]
    code = [f"{module}.{name} {shape}" for (module, name), shape in sorted(shapes.items())]
    return hashlib.sha256("\n".join([*libraries, *code]).encode()).hexdigest()[:DIGITS]


@cache
def _looked_at(project: Path, module: str, name: str) -> tuple[str, tuple[Place, ...]]:
    """The shape of what makes the name, and what of ours that uses."""
    nodes = _Module.read(project, module).nodes(name)
    used = dict.fromkeys(place for node in nodes for place in _used(project, module, node))
    return "\n".join(map(_shape, nodes)), tuple(used)


class _Module:
    """One parsed module: `made` has the statements at its top by the names that they make."""

    def __init__(self, body: list[ast.stmt]) -> None:
        self.made: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []
        for node in body:
            names = _names_made(node)
            for name in names:
                self.made.setdefault(name, []).append(node)
            if not names:
                self.effects.append(node)

    def nodes(self, name: str) -> list[ast.stmt]:
        """The statements that make the name; all that make any, where it is none of the module's own."""
        if name == EFFECTS:
            return self.effects
        return self.made.get(name) or [node for nodes in self.made.values() for node in nodes]

    @staticmethod
    @cache
    def read(project: Path, module: str) -> _Module:
        """The module of this name."""
        return _Module(ast.parse(_file(project, module).read_text()).body)


def _used(project: Path, module: str, statement: ast.stmt) -> Iterator[Place]:
    """What of ours a statement uses, directly; an import uses what it imports."""
    made = _Module.read(project, module).made
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in made:
            yield module, node.id
        elif isinstance(node, ast.Import):
            yield from ((alias.name, WHOLE) for alias in node.names if _is_ours(project, alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(project, node.module):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, WHOLE) if _is_ours(project, inner) else (node.module, alias.name)


def _names_made(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


def _is_ours(project: Path, module: str) -> bool:
    return module.partition(".")[0] in OURS and _file(project, module).is_file()


def _file(project: Path, module: str) -> Path:
    path = project.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _shape(statement: ast.stmt) -> str:
    """The statement without docstrings, and without where it stands."""
    bare = ast.parse(ast.unparse(statement))
    for node in ast.walk(bare):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)]
    return ast.dump(bare)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # a Dask worker has what fitting takes, and no more
        return ""
