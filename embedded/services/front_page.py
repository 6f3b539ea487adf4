"""The front page's process, and what it asks: every process of the stack that responds over HTTP, with its page."""

from __future__ import annotations

import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from embedded.layout import Layout, find_executable
from embedded.services.apps import consumer_port
from embedded.services.service import Service
from tabular.settings import Settings

FILE = "index.html"


def service(layout: Layout, settings: Settings) -> Service:
    """The process that writes the front page; it is ready once it has written it."""
    environ = {"FRONT_PAGE_SERVICES": settings.front_page_services or watched(layout, settings)}
    command = (sys.executable, "-m", "reporting.front_page")
    return Service("front-page", command, environ=environ, has_reported=partial(_is_written, layout.reports / FILE))


def watched(layout: Layout, settings: Settings, names: Collection[str] = ()) -> str:
    """The setting FRONT_PAGE_SERVICES of this stack, or of those of its services alone."""
    ports = layout.ports
    consumers = {
        "consumer" if number == 1 else f"consumer-{number}": (consumer_port(layout, number), "/metrics", None)
        for number in range(1, settings.consumers + 1)
    }
    asked: dict[str, tuple[int, str, str | None]] = {
        "api": (ports.api, "/health/ready", "/docs"),
        **consumers,
        "shadow": (ports.shadow_metrics, "/metrics", None),
        "monitor": (ports.monitor, "/metrics", "/metrics"),
        "mlflow": (ports.mlflow, "/health", "/#/models"),
        "prefect": (ports.prefect, "/api/health", "/"),
        "emulator": (ports.emulator, "/_ministack/health", None),
    }
    if find_executable("prometheus") is not None:
        asked["prometheus"] = (ports.prometheus, "/-/ready", "/")
    return ",".join(f"{name}={_addresses(*where)}" for name, where in asked.items() if not names or name in names)


def _addresses(port: int, path: str, page: str | None) -> str:
    host = f"http://127.0.0.1:{port}"
    return f"{host}{path}" if page is None else f"{host}{path}|{host}{page}"


def _is_written(page: Path, since_seconds: float) -> bool:
    """True if the page was written since then."""
    try:
        return page.stat().st_mtime >= since_seconds
    except FileNotFoundError:
        return False
