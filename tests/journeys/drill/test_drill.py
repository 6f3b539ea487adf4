"""`make drill`: every step happens as told, the ledger and the page tell it, and nothing is left of its stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.drill.story import STEPS
from embedded.layout import PROJECT
from embedded.supervision import orphans
from tests.browser import Visit, keep_screenshot, open_browser

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Played:
    """A drill that was played: where its stack was, its model history, its front page, and what was printed."""

    state: Path
    file: Path
    front_page: Path
    printed: str

    @property
    def page(self) -> str:
        """The text of the page."""
        return self.file.read_text()


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Played:
    state, pages = tmp_path_factory.mktemp("drill") / "stack", tmp_path_factory.mktemp("pages")
    line = [sys.executable, "-m", "embedded.drill", "--state", str(state), "--pages", str(pages)]
    # What the shell has set is not the drill's business.
    environ = {**os.environ, "TRIALS": "999", "PROMOTION": "manual", "CONTRACT": "nowhere.toml", "COLUMNS": "120"}
    done = subprocess.run(line, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False, timeout=850)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Played(state, pages / "drill.html", pages / "drill-front-page.html", done.stdout)


def test_every_step_is_told_in_its_order(played):
    found = [played.printed.index(title) for title in STEPS]
    assert found == sorted(found)
    assert "no alarm" in played.printed
    assert re.search(r"Concept drift, inputs alike +quality alarm after [\d,]+ further labels", played.printed)


def test_the_ledger_has_all_of_it_in_order(played):
    ledger = played.printed.partition("The ledger")[2]
    kinds = re.findall(r"credit_card_churn  (trained|promoted|alarmed|harvested|challenged|rolled back) ", ledger)
    first = [kinds.index(kind) for kind in ("promoted", "alarmed", "harvested", "challenged", "rolled back")]
    assert first == sorted(first)
    assert kinds.count("promoted") == 3  # the first, the challenger, and the one that was forced
    assert " engineer of the drill " in ledger
    last = [line for line in ledger.splitlines() if " rolled back " in line][-1]
    assert " shadow " in last


def test_no_row_failed_while_champions_changed(played):
    assert " 0 rows failed" in played.printed


def test_the_page_has_the_timeline(played):
    assert "<svg" in played.page
    for what in ("promoted", "alarmed", "rolled back", "challenged"):
        assert what in played.page


def test_the_page_is_seen_in_a_browser_without_any_network(played):
    with open_browser() as browser, Visit(browser, offline=True) as visit:
        visit.open(played.file.as_uri())
        picture = visit.page.locator("svg").first.bounding_box()
        assert picture["width"] > 400
        assert not visit.complaints
        assert visit.sticking_out() == []
        assert len(keep_screenshot(visit.page, "drill-history")) > 20_000


def test_the_front_page_is_kept_as_it_was_at_the_end(played):
    with open_browser() as browser, Visit(browser, (1160, 1500), offline=True) as visit:
        visit.open(played.front_page.as_uri())
        assert "does not respond" not in visit.page.inner_text("main")
        titles = " ".join(visit.page.locator("svg title").all_text_contents())
        for what in ("promoted", "alarmed", "rolled back", "challenged"):
            assert what in titles
        assert visit.page.get_attribute("a:text-is('model history')", "href") == played.file.name
        assert visit.sticking_out() == []
        assert len(keep_screenshot(visit.page, "drill-front-page", full_page=True)) > 20_000


def test_nothing_is_left_of_its_stack(played):
    assert not played.state.exists()
    assert orphans.find_orphans(played.state) == []
