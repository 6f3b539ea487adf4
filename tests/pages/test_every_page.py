"""Every page of ours: readable by everybody, light, and of its own host alone. A further page is a line of PAGES."""

from __future__ import annotations

import pytest

from tests.browser import DESK, PHONE, Visit

# The page, the fixture that is its host's address, its path.
PAGES = {
    "front page": ("front_page_host", "/"),
    "report index": ("reports_host", "/reports.html"),
    "drift report": ("reports_host", "/report.html"),
    "comparison": ("reports_host", "/comparison.html"),
    "model history": ("reports_host", "/history.html"),
    "table profile": ("reports_host", "/profile.html"),
    "API documentation": ("api_host", "/docs"),
    "API form": ("api_host", "/"),
    "documentation, home": ("reports_host", "/docs/"),
    "documentation, tutorial": ("reports_host", "/docs/tutorial.html"),
    "documentation, wide tables": ("reports_host", "/docs/reference/settings.html"),
    "documentation, pictures": ("reports_host", "/docs/reference/benchmarks.html"),
    "documentation, readme": ("reports_host", "/docs/project/index.html"),
}
MAX_BYTES = 300_000
DOCS_MAX_BYTES = 1_100_000
"""Of it 850 kB are the theme's style and scripts and the search index, which a browser loads once."""


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)], ids=["desk", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_light_and_asks_nobody_else(browser, request, name, scheme, size):
    host, path = PAGES[name]
    origin = request.getfixturevalue(host)
    with Visit(browser, size, scheme) as visit:
        visit.open(origin + path)
        assert visit.complaints == []
        assert visit.foreign(origin) == []
        assert visit.bytes <= (DOCS_MAX_BYTES if name.startswith("documentation") else MAX_BYTES)
        assert visit.sticking_out() == []
        found = visit.violations()
        assert not found, "\n".join(found)
