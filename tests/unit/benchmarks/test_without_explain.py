"""The API that the serving benchmark compares with is the API but for explanations."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.serving.without_explain import ASKED, MODULES, without


@pytest.mark.parametrize("name", MODULES)
def test_nothing_asks_whether_a_row_is_to_be_explained(name):
    source = Path(find_spec(name).origin).read_text()
    before, after = ast.parse(source), without(source)
    assert any(ASKED in (getattr(node, "id", ""), getattr(node, "arg", "")) for node in ast.walk(before))
    assert not [node for node in ast.walk(after) if ASKED in (getattr(node, "id", ""), getattr(node, "arg", ""))]
    compile(after, name, "exec")


def test_what_is_not_about_explanations_stays():
    code = """
def f(a, *, explain=False, b=1):
    if explain:
        c = 1
    elif a:
        c = 2
    return g(c, explain=explain, b=b)
"""
    assert ast.unparse(without(code)) == "def f(a, *, b=1):\n    if a:\n        c = 2\n    return g(c, b=b)"
