"""Every request to the API that a page shows whole, sent as it stands, is answered as the page says."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from embedded.layout import PROJECT
from tests.page_commands import PAGES, commands

API = re.compile(r"(?<=[ '/])(127\.0\.0\.1|localhost):9696")
REQUESTS = [
    (page.relative_to(PROJECT).as_posix(), command)
    for page in PAGES
    for command in commands(page)
    if "curl" in command.split()[0] and API.search(command) and "…" not in command and "vibration" not in command
]
"""Those of the churn contract, but for what the reader fills in."""


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1") as running:
        yield running


def test_the_pages_show_requests():
    assert len({page for page, _ in REQUESTS}) >= 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("page", "command"), REQUESTS, ids=[f"{page} {at}" for at, (page, _) in enumerate(REQUESTS)])
def test_a_request_of_a_page_is_answered(api, page, command):
    here = API.sub(f"127.0.0.1:{api.port}", command) + " -s -w '\\n%{http_code}'"
    done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    after = (PROJECT / page).read_text().partition(command.splitlines()[-1])[2].lstrip()
    is_wrong = after.startswith('{"error"')
    assert status == ("422" if is_wrong else "200"), body
