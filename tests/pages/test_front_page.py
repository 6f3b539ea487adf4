"""The front page in a browser: it renews itself, stops when told to, and is whole without scripts."""

from __future__ import annotations

import pytest

from tests.browser import Visit, keep_screenshot
from tests.pages.conftest import write_front_page
from tests.unit.reporting.front_page.story import told_stores


@pytest.fixture
def folder(front_page_folder):
    """The folder, as it was afterwards."""
    yield front_page_folder
    write_front_page(front_page_folder, told_stores(front_page_folder))


def test_it_renews_itself_and_keeps_the_readers_place(browser, front_page_host, folder):
    with Visit(browser) as visit:
        visit.open(front_page_host)
        visit.page.locator("details").first.locator("summary").click()
        visit.page.evaluate("window.scrollTo(0, 300)")
        write_front_page(folder, told_stores(folder), drift=1)
        visit.page.get_by_text("Alarm on drift").wait_for()
        assert visit.page.locator("details").first.get_attribute("open") is not None
        assert visit.page.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert visit.page.evaluate("window.scrollY") > 200
        assert visit.complaints == []
        assert visit.foreign(front_page_host) == []


def test_it_does_not_renew_itself_once_the_reader_says_so(browser, front_page_host, folder):
    with Visit(browser) as visit:
        visit.open(front_page_host)
        visit.page.get_by_label("renew this page").uncheck()
        write_front_page(folder, told_stores(folder), drift=1)
        visit.page.wait_for_timeout(2_500)
        assert visit.page.get_by_text("Alarm on drift").count() == 0
        visit.page.get_by_label("renew this page").check()
        visit.page.get_by_text("Alarm on drift").wait_for()


def test_without_scripts_it_is_a_whole_snapshot_with_nothing_that_does_not_work(browser, front_page_host):
    with Visit(browser, java_script_enabled=False) as visit:
        visit.open(front_page_host)
        assert visit.page.get_by_text("Every service responds").is_visible()
        assert visit.page.locator("svg").count() == 2
        assert not visit.page.get_by_text("renew this page").is_visible()


def test_a_script_of_the_data_would_not_run(browser, front_page_host, folder):
    page = (folder / "index.html").read_text()
    (folder / "index.html").write_text(page.replace("<h1>", "<script>document.title = 'owned'</script><h1>"))
    with Visit(browser) as visit:
        visit.open(front_page_host)
        assert visit.page.title() == "Model health"
        assert len(visit.complaints) == 1, "the browser says that the policy forbids it"


def test_its_screenshot(browser, front_page_host):
    with Visit(browser, (1160, 1500)) as visit:
        visit.open(front_page_host)
        assert len(keep_screenshot(visit.page, "front-page")) > 50_000
