"""Which services respond, by real responses; and how the setting that names them is read."""

from __future__ import annotations

import pytest

from embedded.services.service import free_port
from reporting.front_page.services import WatchedService, check_services, read_services
from tabular.errors import InvalidSetting
from tests.unit.reporting.front_page.story import pages


def test_the_setting_names_each_service_its_address_and_if_it_has_one_its_page():
    found = read_services(" api=http://api:9696/health/ready|http://localhost:9696/docs, shadow=https://s:1/metrics ,")
    assert found == (
        WatchedService("api", "http://api:9696/health/ready", "http://localhost:9696/docs"),
        WatchedService("shadow", "https://s:1/metrics"),
    )
    assert read_services("") == ()


@pytest.mark.parametrize(
    "part", ["api", "=http://a", "api=", "api=a:1", "api=http://", "api=http://a|javascript:alert(1)", "api=http://[a"]
)
def test_a_part_that_cannot_be_used_is_named_with_the_remedy(part):
    with pytest.raises(InvalidSetting) as rejected:
        read_services(f"monitor=http://m:1/metrics,{part}")
    assert f"FRONT_PAGE_SERVICES: {part!r} cannot be used: it must look like api=http://" in str(rejected.value)


def test_a_service_is_up_if_it_responds_or_asks_for_a_login_and_its_response_is_read_though_it_is_not_ready():
    found = {"/fine": (200, "yes"), "/login": (401, "who?"), "/broken": (503, "not ready"), "/foreign": (421, "")}
    with pages(found) as address:
        asked = [WatchedService(path[1:], f"{address}{path}", f"{address}/page") for path in found]
        states = check_services([*asked, WatchedService("gone", f"http://127.0.0.1:{free_port()}/")])
    assert [(one.name, one.is_up, one.said, one.body) for one in states] == [
        ("fine", True, "responds", b"yes"),
        ("login", True, "responds", b"who?"),
        ("broken", False, "responds with 503", b"not ready"),
        ("foreign", False, "responds with 421", b""),
        ("gone", False, "does not respond", b""),
    ]
    assert states[0].page_url == f"{address}/page"


def test_no_proxy_stands_between_the_page_and_the_services(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with pages({"/": (200, "")}) as address:
        (state,) = check_services([WatchedService("api", f"{address}/")])
    assert state.is_up
