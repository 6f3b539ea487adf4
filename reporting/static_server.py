"""The reports over HTTP where Nginx is not installed: one folder, GET only, loopback only."""

from __future__ import annotations

import logging
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from reporting.publish import FRONT_PAGE, INDEX
from tabular.errors import InvalidSetting
from tabular.logs.set_up import set_up_process
from tabular.process.allowed_hosts import AllowedHosts
from tabular.process.background import BackgroundTask
from tabular.process.stopping import run_until_stopped
from tabular.settings import load_settings

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
RESTART_SECONDS = 1.0
NOT_THERE_YET = {
    FRONT_PAGE: b"No page yet: the front page is written within seconds of its service's start.\n",
    "docs/index.html": b"The documentation is not built yet. To build it: make docs-site\n",
}
NOT_FOUND = b"There is no such page here. All reports are listed at /reports.html\n"
# The same as in nginx/nginx.conf.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FRONT_PAGE_POLICY = f"{CONTENT_POLICY}; script-src 'self'; connect-src 'self'"
"""Its script fetches the next front page, from here."""
CONTENT_POLICIES = {
    "docs": "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "evidently": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts",
}
"""The folders beside the reports that are served, too, and what their pages may load."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class ReportsHandler(SimpleHTTPRequestHandler):
    """The pages right in the folder and in CONTENT_POLICIES' folders: no listing, no hidden file, no way out of it."""

    server_version = "reports"
    sys_version = ""
    timeout = 10

    def __init__(self, *args: Any, allowed: AllowedHosts, **kwargs: Any) -> None:
        self._allowed = allowed
        super().__init__(*args, **kwargs)

    def send_head(self) -> Any:
        """Answer only for a plain file of the folder itself, and only by an allowed name."""
        if ",".join(self.headers.get_all("Host", [])) not in self._allowed:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        if self.path == "/docs":
            return self._redirect("/docs/")
        name = self._name
        if name == FRONT_PAGE and not (Path(self.directory) / FRONT_PAGE).exists() and self._is_page(INDEX):
            name = INDEX  # nobody writes a front page
        if name in NOT_THERE_YET and not (Path(self.directory) / name).exists():
            return self._text(NOT_THERE_YET[name])
        if not self._is_page(name):
            return self._text(NOT_FOUND, HTTPStatus.NOT_FOUND)
        self.path = f"/{name}"
        return super().send_head()

    @property
    def _name(self) -> str:
        """What is asked for, as a path within the folder; a folder means its index."""
        # A request that could not be read has no path.
        name = getattr(self, "path", "").partition("?")[0].removeprefix("/")
        return f"{name}index.html" if name in {"", *(f"{folder}/" for folder in CONTENT_POLICIES)} else name

    def _is_page(self, name: str) -> bool:
        """True for a plain file, neither hidden nor behind a link, of the folder or of one that is served beside it."""
        folder, file = Path(self.directory).resolve(), Path(self.directory) / name
        first, *rest = name.split("/")
        is_open = not rest or first in CONTENT_POLICIES
        hidden = any(part.startswith(".") for part in (first, *rest))
        return is_open and not hidden and file.is_file() and file.resolve() == folder / name

    def _redirect(self, path: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _text(self, text: bytes, status: HTTPStatus = HTTPStatus.OK) -> BinaryIO | None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text)
        return None

    def end_headers(self) -> None:
        policy = CONTENT_POLICIES.get(self._name.partition("/")[0], CONTENT_POLICY)
        policy = FRONT_PAGE_POLICY if self._name == FRONT_PAGE else policy
        for name, value in {"Content-Security-Policy": policy, **HEADERS}.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        log.debug(format, *args)


def create_server(folder: Path, port: int, allowed_hosts: str) -> ThreadingHTTPServer:
    """A server over the folder, bound and not yet serving; raises InvalidSetting for a port that is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = partial(ReportsHandler, directory=str(folder), allowed=AllowedHosts(allowed_hosts))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise InvalidSetting(
            f"REPORTS_PORT={port} cannot be used: {error}. Stop what listens there, or set another port"
        ) from error


def run(stop: threading.Event) -> None:
    """Serve until stopped; raises InvalidSetting if the port is taken."""
    settings = load_settings()
    server = create_server(settings.reports_dir, settings.reports_port, settings.allowed_hosts)
    BackgroundTask("http", server.serve_forever, RESTART_SECONDS).start(stop)
    log.info("reports of %s on http://%s:%s", settings.reports_dir, HOST, settings.reports_port)
    stop.wait()
    server.shutdown()


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 if a setting cannot be used."""
    set_up_process("reports")
    return run_until_stopped("server of the reports", run)


if __name__ == "__main__":
    sys.exit(main())
