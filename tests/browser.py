"""Chromium for the tests: a visit of a page notes what the page asked for, what it weighs and what it complained of."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from embedded.layout import PROJECT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
IMAGES = PROJECT / "docs" / "images"
PHONE, DESK = (360, 740), (1280, 900)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A running Chromium; skips the test where none is installed."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page in a window of its own; `close` it, or use it in a `with` block."""

    def __init__(self, browser: Browser, size: tuple[int, int] = DESK, scheme: str = "light", **given: object) -> None:
        viewport = {"width": size[0], "height": size[1]}
        self._context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", **given)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._responses: list[object] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfinished", lambda request: self._responses.append(request.response()))

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def open(self, url: str) -> None:
        """Go there, and wait until everything is loaded."""
        self.page.goto(url, wait_until="load")

    @property
    def bytes(self) -> int:
        """The bytes of everything that was loaded, unpacked."""
        return sum(len(response.body()) for response in self._responses)

    def foreign(self, origin: str) -> list[str]:
        """What was asked of anybody but this origin."""
        return [url for url in self.requests if not url.startswith((f"{origin}/", "data:", "blob:"))]

    def sticking_out(self) -> list[str]:
        """The elements that make the page wider than the window."""
        script = """() => document.documentElement.scrollWidth <= window.innerWidth ? []
            : [...document.querySelectorAll("*")]
            .filter((one) => one.getBoundingClientRect().right > window.innerWidth)
            .map((one) => `${one.tagName}.${one.getAttribute("class")}: ${one.textContent.slice(0, 60)}`)"""
        return self.page.evaluate(script)

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 A and AA: the rule, the element, and what is wrong with it."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [
            f"{rule['id']}: {node['target'][0]}: {node['failureSummary'].splitlines()[-1].strip()}"
            for rule in found
            for node in rule["nodes"]
        ]


def keep_screenshot(page: Page, name: str, **options: object) -> bytes:
    """The page as PNG; written to docs/images/NAME.png where SCREENSHOTS=1 asks for it."""
    picture = page.screenshot(animations="disabled", **options)
    if os.environ.get("SCREENSHOTS") == "1":
        keep_picture(picture, name)
    return picture


def keep_picture(picture: bytes, name: str) -> None:
    """Write docs/images/NAME.png in 128 colours: a third of the bytes, and no difference to the eye."""
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)
