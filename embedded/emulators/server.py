"""Ministack for this stack: S3 and Kinesis only, closed to web pages, bounded in memory.

`python -m embedded.emulators.server --port P --allowed-hosts NAMES --retention-seconds S --max-bytes N`, in the
environment `.venv-emulators`.
"""

from __future__ import annotations

import argparse
import asyncio
import resource

from embedded.emulators.retention import Retention
from embedded.services.page_guard import App, Message, PageGuard, Receive, Rejection, Send, reject, values

HEALTH_PATH = "/_ministack/health"
SIGNED = "AWS4-HMAC-SHA256 "
_UNSIGNED: Rejection = (403, "Requests must be signed, as AWS SDKs do; any access key is accepted.")


class SignedOnly:
    """The application for signed requests and the health check; the signature itself is not verified.

    A page cannot send the header `Authorization` to another origin without a CORS permission, which is never given
    here, while the URL of an image can name an operation of AWS, and is requested without `Origin`.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_request = scope["type"] in ("http", "websocket")
        if is_request and not _is_health_check(scope) and not _is_signed(scope):
            await reject(scope, send, _UNSIGNED)
        else:
            await self._app(scope, receive, send)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    given = _arguments()
    # These packages are installed in this environment only.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app
    from ministack.services import kinesis

    Retention(kinesis, given.retention_seconds, given.max_bytes).install()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    config = Config()
    config.bind = [f"127.0.0.1:{given.port}"]
    config.keep_alive_timeout = 75
    asyncio.run(serve(PageGuard(SignedOnly(app), given.allowed_hosts), config))


def _is_signed(scope: Message) -> bool:
    return any(value.startswith(SIGNED) for value in values(scope, b"authorization"))


def _is_health_check(scope: Message) -> bool:
    return (scope["type"], scope.get("method"), scope["path"]) == ("http", "GET", HEALTH_PATH)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="S3 and Kinesis for the embedded stack.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--allowed-hosts", required=True)
    parser.add_argument("--retention-seconds", type=float, required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
