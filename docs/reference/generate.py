"""Writes the reference pages that come from the code; `make docs` runs it, and a test holds the pages against it."""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path

import tabular.settings
from tabular.settings import Settings

PAGES = Path(__file__).resolve().parent


def settings_page() -> str:
    """The settings, from the fields of `tabular/settings.py` and the docstrings under them."""
    module = ast.parse(Path(tabular.settings.__file__).read_text())
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable; an empty one counts as unset. The defaults are those of the",
        "embedded mode, in which the addresses follow from the ports. `make docs` makes this page from",
        "`tabular/settings.py`.",
        "",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    defaults = Settings()
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            default = getattr(defaults, field.target.id)
            shown = f"`{default}`" if str(default) else ""
            said = " ".join(str(ast.literal_eval(text.value)).split())
            lines.append(f"| `{field.target.id.upper()}` | {shown} | {said} |")
    return "\n".join(lines) + "\n"


PAGE_MAKERS = {"settings.md": settings_page}


def main() -> None:
    """Write every page."""
    for name, make in PAGE_MAKERS.items():
        (PAGES / name).write_text(make())
        sys.stdout.write(f"wrote {PAGES / name}\n")


if __name__ == "__main__":
    main()
