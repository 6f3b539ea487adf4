"""The pictures of the documentation that no other test takes; SCREENSHOTS=1 keeps them in docs/images."""

from __future__ import annotations

import re

from embedded.layout import PROJECT
from tests.browser import IMAGES, Visit, keep_screenshot


def test_the_picture_of_a_drift_report(browser, reports_host):
    with Visit(browser, (1100, 1115)) as visit:
        visit.open(f"{reports_host}/report.html")
        assert "Drift:" in visit.page.locator(".finding").inner_text()
        assert len(keep_screenshot(visit.page, "drift-report")) > 50_000


def test_every_picture_of_the_documentation_is_taken_by_a_test():
    tests = "".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    taken = set(re.findall(r'keep(?:_screenshot)?\(\s*[^,]+, "([\w-]+)"', tests))
    assert {path.stem for path in IMAGES.glob("*.png")} <= taken
