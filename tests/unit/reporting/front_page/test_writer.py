"""The page is written whatever is down, whole, and by one process; services are real servers."""

from __future__ import annotations

import re
import stat

import pytest

from embedded.services.service import free_port
from reporting.front_page.services import WatchedService
from reporting.front_page.table_view import TableReader
from reporting.front_page.writer import FrontPage
from tests.journeys.waiting import eventually
from tests.unit.reporting.front_page.story import READINESS, SECOND, TABLE, TITLE, gauges, pages


@pytest.fixture
def front_page(stores, tmp_path):
    """What writes the page of the story, of these services."""

    def front_page(*services):
        return FrontPage(tmp_path, [TableReader(TABLE, TITLE, stores)], services, 10.0)

    return front_page


def test_the_services_responses_are_on_the_page(front_page):
    with pages({"/health/ready": (200, READINESS), "/metrics": (200, gauges(drift=1))}) as address:
        api = WatchedService("api", f"{address}/health/ready", f"{address}/docs")
        path = front_page(api, WatchedService("monitor", f"{address}/metrics")).write()
    text = path.read_text()
    assert text.count(SECOND) > 1
    assert "Alarm on drift" in text
    assert '<span class="badge drift">drifted</span>' in text
    assert len(re.findall(r'<span class="badge calm">up</span>', text)) == 3, "api, monitor, store"


def test_the_page_and_its_script_can_be_read_by_the_web_server(front_page, tmp_path):
    front_page().write()
    for name in ("index.html", "front-page.js"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_without_a_service_the_page_says_so_and_has_what_the_store_holds(front_page):
    text = front_page(WatchedService("api", f"http://127.0.0.1:{free_port()}/health/ready")).write().read_text()
    assert '<span class="badge drift">does not respond</span>' in text
    assert "Model health of Churn &amp; co over time" in text


def written_of(page: FrontPage, words: str) -> str | None:
    """The page, written now, if it says these words: what was read a moment ago is not read again at once."""
    text = page.write().read_text()
    return text if words in text else None


def test_without_the_store_the_page_says_so_and_has_what_was_read_before(front_page, stores):
    page = front_page()
    stores.predictions.is_down = stores.ledger.is_down = stores.blocks.is_down = True
    assert "Nothing is known of any table yet" in page.write().read_text()
    stores.predictions.is_down = stores.ledger.is_down = stores.blocks.is_down = False
    assert "Every service responds" in page.write().read_text()
    stores.blocks.is_down = True
    text = eventually(lambda: written_of(page, "store does not respond as it should"))
    assert "Model health of Churn &amp; co over time" in text


def test_the_documentation_is_linked_once_it_is_there(front_page, tmp_path):
    assert 'href="docs/"' not in front_page().write().read_text()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.html").touch()
    assert '<a href="docs/">documentation</a>' in front_page().write().read_text()
