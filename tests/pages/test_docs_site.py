"""The documentation as a site: what breaks its build, and how both hosts of reports serve it."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import sys

import pytest

from embedded.layout import PROJECT
from tests.browser import Visit, keep_screenshot
from tests.nginx import nginx_over

BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


@pytest.fixture(scope="module")
def nginx_host(docs_site, tmp_path_factory):
    with nginx_over(docs_site.parent, tmp_path_factory.mktemp("nginx")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["nginx_host", "reports_host"])
def host(request):
    """Either server over the same folder."""
    return request.getfixturevalue(request.param)


def ask(host: str, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(host.removeprefix("http://"), timeout=5)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


# The build


def test_every_page_of_the_project_is_on_the_site_and_in_its_navigation(docs_site):
    pages = {
        path.relative_to(PROJECT / "docs").with_suffix(".html").as_posix() for path in (PROJECT / "docs").rglob("*.md")
    }
    pages = {page.replace("README", "index") for page in pages}
    built = {path.relative_to(docs_site).as_posix() for path in docs_site.rglob("*.html")}
    assert built == pages | {f"project/{name[:-3].replace('README', 'index')}.html" for name in BESIDE}
    navigation = (docs_site / "index.html").read_text()
    assert not [page for page in built if f'href="{page}"' not in navigation]


@pytest.fixture
def copy(tmp_path):
    """The sources of the site, to be changed; builds them strictly."""
    shutil.copytree(PROJECT / "docs", tmp_path / "docs")
    for name in ("mkdocs.yml", *BESIDE):
        shutil.copy(PROJECT / name, tmp_path / name)

    def build() -> str:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return tmp_path / "docs", build


def test_as_it_is_it_is_built_and_without_a_script_within_a_page(copy):
    docs, build = copy
    assert build() == ""
    pages = [path.read_text() for path in (docs.parent / "build" / "docs-site").rglob("*.html")]
    assert len(pages) > 40
    assert not [
        page for page in pages if re.search(r"<script(?![^>]*(?:src=|application/json))|<style| style=| on\w+=", page)
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[x](how-to/nowhere.md)", "how-to/nowhere.md"),
        ("[x](tutorial.md#nowhere)", "#nowhere"),
        ("[x](../SECURITY.md#nowhere)", "#nowhere"),
        ("![x](images/nothing.png)", "images/nothing.png"),
    ],
)
def test_a_link_that_leads_nowhere_breaks_the_build(copy, wrong, said):
    docs, build = copy
    page = docs / "decisions.md"
    page.write_text(f"{page.read_text()}\n{wrong}\n")
    assert said in build()


def test_a_page_that_the_index_does_not_name_breaks_the_build(copy):
    docs, build = copy
    (docs / "how-to" / "forgotten.md").write_text("# Forgotten\n")
    assert "how-to/forgotten.md" in build()


# The hosts


def test_both_hosts_serve_the_site_under_its_own_content_policy(host):
    for path in (
        "/docs/",
        "/docs/how-to/score-a-file.html",
        "/docs/search/search_index.json",
        "/docs/images/drift-report.png",
    ):
        status, headers, body = ask(host, path)
        assert (status, bool(body)) == (200, True), path
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert "script-src" not in ask(host, "/reports.html")[1]["content-security-policy"]


def test_what_is_not_there_is_said_in_words(host):
    for path in ("/nothing.html", "/docs/nothing.html"):
        status, headers, body = ask(host, path)
        assert (status, headers["content-type"].partition(";")[0]) == (404, "text/plain")
        assert b"All reports are listed at /reports.html" in body


def test_a_folder_has_no_listing_and_the_bare_name_leads_to_the_site(host):
    assert {ask(host, path)[0] for path in ("/docs/how-to/", "/docs/.hidden", "/docs/../docs/.hidden")} <= {
        400,
        403,
        404,
    }
    status, headers, _ = ask(host, "/docs")
    assert (status, headers["location"]) == (301, "/docs/")
    assert ask(host, "/docs/index.html", "POST")[0] >= 400


def test_a_reader_searches_and_switches_to_dark_under_the_policy(browser, host):
    with Visit(browser) as visit:
        visit.open(f"{host}/docs/")
        visit.page.keyboard.press("/")
        visit.page.keyboard.type("business key")
        first = visit.page.locator(".md-search-result__link").first
        first.wait_for(state="visible")
        first.click()
        visit.page.wait_for_url(lambda url: "h=" in url)
        assert "business" in visit.page.locator("article").inner_text().lower()
        visit.page.locator("label.md-header__button[for^=__palette]:visible").click()
        visit.page.locator("label.md-header__button[for^=__palette]:visible").click()
        assert visit.page.locator("body").get_attribute("data-md-color-scheme") == "slate"
        assert visit.complaints == []


def test_its_home_page_is_kept_as_a_picture(browser, reports_host):
    with Visit(browser) as visit:
        visit.open(f"{reports_host}/docs/")
        assert len(keep_screenshot(visit.page, "docs-site")) > 20_000
