"""Prefect's server behind the page guard: `python -m embedded.services.prefect_server --port P`.

Prefect has settings for allowed origins and for a login, but none for allowed hosts.
"""

from __future__ import annotations

import argparse

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from embedded.services.page_guard import PageGuard
from tabular.logs.set_up import set_up_process
from tabular.settings import load_settings


def main() -> None:
    """Serve until SIGTERM or SIGINT, as `prefect server start` does."""
    parser = argparse.ArgumentParser(description="The Prefect server behind a check of Host and Origin.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    set_up_process("prefect")
    server = get_current_settings().server
    uvicorn.run(
        PageGuard(create_app(final=True), load_settings().allowed_hosts),
        host=given.host,
        port=given.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_config=None,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
