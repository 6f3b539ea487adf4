"""A folder of reports on its way to a browser: listed, hosted by Nginx or the built-in server, read with no network."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading

import pytest

from embedded.environment import prefect_client_environ
from embedded.layout import PROJECT
from embedded.services.service import Service, free_port
from reporting.static_server import create_server
from tests.browser import Visit
from tests.foreign_page import permissions
from tests.journeys.monitoring.reports import RUN, Reports
from tests.nginx import nginx_over


@pytest.fixture(scope="module")
def published(store, settings, bundle, tmp_path_factory):
    """A folder with a steady report, then a drifted one."""
    reports = Reports(settings, bundle, tmp_path_factory.mktemp("reporting"), "reports_published")
    frame = bundle.reference().head(600)
    reports.predict(frame, "steady")
    reports.make()
    frame["credit_limit"] /= 2
    frame.loc[:99, "gender"] = "<script>document.title = 'owned'</script>"
    reports.predict(frame, "shifted")
    reports.make(with_evidently=True)
    return reports


def test_a_report_is_a_page_a_row_and_a_line_of_the_index(published):
    assert len(published.pages()) == 2
    newest, older = published.store.reports(5)
    assert [newest["file"], older["file"]] == published.pages()[::-1]
    assert (newest["dataset_drift"], older["dataset_drift"]) == (True, False)
    assert set(newest["drifted_columns"]) == {"gender", "credit_limit"}
    assert (newest["run_id"], newest["rows"], newest["quality"]) == (RUN, 1200, None)
    index = (published.folder / "reports.html").read_text()
    assert re.findall(r'href="(report-[^"]+)"', index) == published.pages()[::-1]


def test_the_command_runs_the_flow_and_tells_the_finding(published, prefect_server, layout, tmp_path):
    environ = {
        **os.environ,
        "PREFECT_API_URL": f"http://127.0.0.1:{layout.ports.prefect}/api",
        "PREFECT_HOME": str(tmp_path),
        **prefect_client_environ(layout, published.settings),
        "MONGO_URI": published.settings.mongo_uri,
        "MONGO_DATABASE": published.settings.mongo_database,
        "STATE_DIR": str(published.folder.parent),
        "REPORTS_DIR": str(tmp_path / "reports"),
        "CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml"),
    }
    command = [sys.executable, "-m", "reporting.flow"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Drift: 2 of 11 features moved" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "reports").glob("report-*.html"))) == 1
    command += ["--last", "1100", "--slice", "gender=F", "--evidently", "1"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "The newest 1,100 predictions by run dddddddd, gender = F compared with the reference"
    )
    (page,) = (tmp_path / "reports").glob("report-*-gender-f-compared-with-*.html")
    assert page.name in (tmp_path / "reports" / "reports.html").read_text()
    assert (tmp_path / "reports" / "evidently" / f"{page.stem}-1.html").stat().st_size > 1_000_000
    few = [*command[:3], "--last", "20"]
    done = subprocess.run(few, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(
        "No report: the newest 20 predictions by run dddddddd: 20 rows, and 300"
    )


# The two servers


@pytest.fixture(scope="module")
def nginx(published, tmp_path_factory):
    with nginx_over(published.folder, tmp_path_factory.mktemp("nginx")) as port:
        yield port


@pytest.fixture(scope="module")
def static(published):
    server = create_server(published.folder, 0, published.settings.allowed_hosts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["nginx", "static"])
def port(request):
    """Either server over the same folder."""
    return request.getfixturevalue(request.param)


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_both_servers_serve_the_index_and_the_reports(port, published):
    for path in ("/", "/reports.html", f"/{published.pages()[0]}"):
        status, headers, body = ask(port, path)
        assert (status, body[:15]) == (200, b"<!doctype html>")
        assert headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_only_the_front_page_may_have_a_script_and_it_comes_first(port, published):
    page, script = published.folder / "index.html", published.folder / "front-page.js"
    page.write_text("<!doctype html>front")
    script.write_text("1;")
    try:
        for path in ("/", "/index.html"):
            _, headers, body = ask(port, path)
            assert body.endswith(b"front")
            assert "script-src 'self'; connect-src 'self'" in headers["content-security-policy"]
            assert "default-src 'none'" in headers["content-security-policy"]
        for path in ("/reports.html", f"/{published.pages()[0]}"):
            assert "script-src" not in ask(port, path)[1]["content-security-policy"]
        assert ask(port, "/front-page.js")[1]["content-type"].startswith("text/javascript")
    finally:
        page.unlink()
        script.unlink()


@pytest.mark.parametrize("path", ["/", "/index.html", "/reports.html", "/nothing.html"])
def test_both_servers_permit_nothing_to_a_foreign_page(port, path):
    assert permissions("127.0.0.1", port, path) == []


@pytest.mark.parametrize("name", ["localhost", "localhost:8888", "[::1]:8888"])
def test_both_servers_are_asked_by_their_own_names(port, name):
    assert ask(port, "/", Host=name)[0] == 200


@pytest.mark.parametrize(
    "path", ["/../bundles/", "/%2e%2e/bundles", "/.draft-1", "/nothing.html", "/sub/", "//etc/passwd"]
)
def test_both_servers_serve_nothing_else(port, published, path):
    (published.folder / ".draft-1").write_text("half")
    (published.folder / "sub").mkdir(exist_ok=True)
    assert ask(port, path)[0] in {400, 403, 404}


def test_both_servers_serve_evidently_s_page_in_a_sandbox_and_nothing_else_of_its_folder(port, published):
    (published.folder / "evidently" / ".draft-1").write_text("half")
    (page,) = (published.folder / "evidently").glob("*.html")
    status, headers, body = ask(port, f"/evidently/{page.name}")
    assert (status, len(body)) == (200, page.stat().st_size)
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'unsafe-inline'", "sandbox allow-scripts"} <= {*policy}
    assert not [part for part in policy if part.startswith("connect-src") or "allow-same-origin" in part]
    for path in (
        "/evidently/",
        "/evidently/.draft-1",
        "/evidently/../index.html/x",
        f"/evidently/evidently/{page.name}",
    ):
        assert ask(port, path)[0] in {400, 403, 404}
    assert "script-src" not in ask(port, f"/{published.pages()[1]}")[1]["content-security-policy"]


def test_both_servers_have_the_same_policies(nginx, static, published):
    (page,) = (published.folder / "evidently").glob("*.html")
    for path in ("/", f"/{published.pages()[0]}", f"/evidently/{page.name}"):
        policies = {ask(port, path)[1]["content-security-policy"] for port in (nginx, static)}
        assert len(policies) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_both_servers_only_give(port, published, method):
    assert ask(port, f"/{published.pages()[0]}", method)[0] >= 400


def test_nginx_packs_pages_and_lets_the_index_be_asked_again(nginx, published):
    _, headers, body = ask(nginx, f"/{published.pages()[0]}", **{"Accept-Encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    assert len(body) < 30_000
    assert ask(nginx, "/")[1]["cache-control"] == "no-cache"


def test_the_built_in_server_says_that_there_is_no_page_yet(tmp_path):
    port = free_port()
    environ = {"REPORTS_DIR": str(tmp_path / "none"), "REPORTS_PORT": str(port)}
    url = f"http://127.0.0.1:{port}/"
    command = (sys.executable, "-m", "reporting.static_server")
    with Service("reports", command, port, url, environ).running(tmp_path / "log") as process:
        assert b"No page yet" in ask(port, "/")[2]
        process.terminate()
        assert process.wait(10) == 0


# The browser


def left(visit: Visit) -> list[str]:
    """What was asked of a server."""
    return [url for url in visit.requests if not url.startswith(("data:", "file:"))]


def assert_plots(page, features: int) -> None:
    plots = page.locator("svg")
    assert plots.count() == features + 2
    for at in range(plots.count()):
        box = plots.nth(at).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 40
        assert plots.nth(at).locator("rect, polyline").count() >= 2


def test_a_report_from_the_disk_shows_its_plots_with_no_network(browser, published, tmp_path):
    visit = Visit(browser, offline=True)
    visit.page.goto(f"file://{published.folder}/reports.html")
    visit.page.locator("table a").first.click()
    visit.page.wait_for_selector("h1")
    assert visit.page.title().startswith("Credit card churn: drift report")
    assert "2 of 11 features moved" in visit.page.locator(".finding").inner_text()
    assert_plots(visit.page, 11)
    assert "(unknown)" in visit.page.content()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    assert (visit.complaints, left(visit)) == ([], [])


def test_a_report_through_nginx_keeps_its_own_security_policy(browser, nginx, published):
    visit = Visit(browser, offline=False)
    visit.page.goto(f"http://127.0.0.1:{nginx}/")
    assert visit.page.locator("tbody tr").count() == 2
    visit.page.locator("table a").last.click()
    visit.page.wait_for_selector("h1")
    assert "No drift" in visit.page.locator(".finding").inner_text()
    assert_plots(visit.page, 11)
    colour = visit.page.locator(".finding").evaluate("node => getComputedStyle(node).borderLeftWidth")
    assert colour == "6px", "the style applies under the policy"
    assert visit.complaints == []
    assert {url.split("/")[2] for url in left(visit)} == {f"127.0.0.1:{nginx}"}


def test_evidently_s_page_works_in_its_sandbox_and_asks_for_nothing(browser, port, published):
    visit = Visit(browser, offline=False)
    visit.page.goto(f"http://127.0.0.1:{port}/{published.pages()[1]}")
    link = visit.page.locator('a[href^="evidently/"]')
    size = (published.folder / link.get_attribute("href")).stat().st_size
    assert f"({size / 1e6:.1f} MB, opens without network)" in visit.page.content()
    link.click()
    visit.page.wait_for_selector("text=Dataset Drift")
    visit.page.wait_for_selector("text=credit_limit")
    assert visit.page.evaluate("self.origin") == "null", "it is no part of the host's origin"
    assert "owned" not in visit.page.content(), "no text from data as it came"
    assert visit.complaints == []
    assert [url.split("/")[3] for url in left(visit)] == [published.pages()[1], "evidently"]


def test_evidently_s_page_opens_from_the_disk_with_no_network(browser, published):
    visit = Visit(browser, offline=True)
    (page,) = (published.folder / "evidently").glob("*.html")
    visit.page.goto(f"file://{page}")
    visit.page.wait_for_selector("text=Dataset Drift")
    assert (visit.complaints, left(visit)) == ([], [])
