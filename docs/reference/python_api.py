"""The page of the public Python API, from the signatures and docstrings of the modules that are public."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

INTRODUCTION = """\
# Python API

What programs of your own may use of the package `tabular`: the contract, the bundle of a model, a prediction and its
label, what quality and drift are computed with, the errors, and the ports, which say what an adapter of your own has to
do. A change of these is in the [changes](../../CHANGELOG.md); whatever is not on this page may change at any time.
`make docs` makes the page from the docstrings.

Score a row with a bundle and compare rows with its reference; nothing has to run. Bundles are in `.state/bundles`,
and in MLflow as the artifact of their run.

```python
from pathlib import Path

from tabular.model.bundle import read_bundle
from tabular.quality.drift import compare

bundle = read_bundle(Path("bundle"))
row = bundle.codec.parse(bundle.contract.example)
print(bundle.contract.reply.prediction_key, bundle.scorer.one(row.codes))

reference = bundle.reference()
print(compare(reference, reference.sample(400, random_state=1), bundle.contract).dataset_drift)
```
"""
PUBLIC = {
    "The contract": ("contract.loading", "contract.types", "contract.features"),
    "Rows and models": ("encoding.row", "model.bundle", "model.scorer"),
    "Predictions and labels": ("predictions.prediction", "predictions.label"),
    "Quality and drift": (
        *(
            "quality.metrics",
            "quality.intervals",
            "quality.slices",
            "quality.drift",
            "quality.two_sample",
            "quality.estimate",
        ),
        *("quality.version_drift",),
    ),
    "Errors": ("errors",),
    "Ports": (
        *("ports.predictions", "ports.labels", "ports.blocks", "ports.ledger", "ports.registry", "ports.objects"),
        *("ports.streams", "ports.shadow", "ports.messages"),
    ),
}


def python_api_page() -> str:
    """The page: each public module with its classes and functions, their signatures and docstrings."""
    lines = [INTRODUCTION]
    for title, modules in PUBLIC.items():
        lines.append(f"## {title}\n")
        for module in modules:
            lines += _module(f"tabular.{module}")
    return "\n".join(lines).rstrip() + "\n"


def _module(name: str) -> Iterator[str]:
    tree = ast.parse((PROJECT / name.replace(".", "/")).with_suffix(".py").read_text())
    yield f"### `{name}`\n"
    yield _text(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield from _definition(node)


def _definition(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        yield _code(_signature(node))
        yield _text(node)
        return
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    fields = [f"    {ast.unparse(one)}" for one in node.body if _is_field(one)]
    yield _code(
        "\n".join([f"class {node.name}({bases}):" if bases else f"class {node.name}:", *(fields or ["    ..."])])
    )
    yield _text(node)
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
    lines = [_method(node.name, one) for one in methods if ast.get_docstring(one)]
    yield "\n".join(lines) + "\n" if lines else ""


def _method(owner: str, node: ast.FunctionDef) -> str:
    is_property = any(ast.unparse(one).endswith("property") for one in node.decorator_list)
    shown = node.name if is_property else _signature(node).removeprefix("def ")
    return f"- `{owner}.{' '.join(shown.split())}`: {' '.join((ast.get_docstring(node) or '').split())}"


def _signature(node: ast.FunctionDef) -> str:
    given = ast.parse(f"def {node.name}(): ...").body[0]
    assert isinstance(given, ast.FunctionDef)  # noqa: S101 - for the type checker
    given.args, given.returns = node.args, node.returns
    first = ast.unparse(given).partition("\n")[0].removesuffix(":")
    return first.replace("(self, ", "(").replace("(self)", "()").replace("(cls, ", "(")


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_")


def _code(text: str) -> str:
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 110, subsequent_indent=" " * 8)]
    return "\n".join(["```python", *lines, "```", ""])


def _text(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return f"{ast.get_docstring(node) or ''}\n".lstrip("\n")
