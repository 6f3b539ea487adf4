"""A browser for the pages of reports."""

from __future__ import annotations

import pytest

from tests.browser import open_browser


@pytest.fixture(scope="module")
def browser():
    with open_browser() as running:
        yield running
