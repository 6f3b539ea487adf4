"""Which services respond: each is asked at the address that the setting FRONT_PAGE_SERVICES gives."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import urlsplit

from tabular.errors import InvalidSetting

API, MONITOR = "api", "monitor"
"""The services whose responses are read, too: what is served, and the live gauges."""
TIMEOUT_SECONDS = 3.0
MAX_BYTES = 20_000_000
ASKED_AT_ONCE = 8


@dataclass(frozen=True)
class WatchedService:
    """A service: the address that is asked, and its page for people, if it has one."""

    name: str
    check_url: str
    page_url: str = ""


@dataclass(frozen=True)
class ServiceState:
    """What came of asking: `said` is that in words, `body` what the service responded, empty if it did not."""

    name: str
    is_up: bool
    said: str
    page_url: str = ""
    body: bytes = b""


def read_services(text: str) -> tuple[WatchedService, ...]:
    """The services of the setting, `name=address|page` with commas; raises InvalidSetting naming the part."""
    return tuple(_service(part.strip()) for part in text.split(",") if part.strip())


def _service(part: str) -> WatchedService:
    name, equals, addresses = part.partition("=")
    check_url, _, page_url = addresses.partition("|")
    wanted = [check_url, page_url] if page_url else [check_url]
    if not (equals and name and all(_is_page(url) for url in wanted)):
        raise InvalidSetting(
            f"FRONT_PAGE_SERVICES: {part!r} cannot be used: it must look like "
            "api=http://127.0.0.1:9696/health/ready|http://127.0.0.1:9696/docs, the part from | on may be left out"
        )
    return WatchedService(name, check_url, page_url)


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def check_services(services: Sequence[WatchedService]) -> list[ServiceState]:
    """Ask all of them side by side; in their order. Never raises."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return list(pool.map(_asked, services))


def _asked(service: WatchedService) -> ServiceState:
    try:
        status, body = _response(service.check_url)
    except (OSError, HTTPException, ValueError):
        return ServiceState(service.name, is_up=False, said="does not respond", page_url=service.page_url)
    # What asks for a login is there; what it is asked is not for us.
    is_up = status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.UNAUTHORIZED
    return ServiceState(service.name, is_up, "responds" if is_up else f"responds with {status}", service.page_url, body)


def _response(url: str) -> tuple[int, bytes]:
    """The status and body of a response; raises OSError or HTTPException without one."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own services are behind no proxy
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as response:
            return response.status, response.read(MAX_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_BYTES)
