"""Rejects requests of foreign web pages for servers that do not do it themselves: Prefect and the emulator, both ASGI.

A page reaches a port of this machine in two ways: from its own origin, which the browser sends as `Origin`, or under a
name of its own that points here (DNS rebinding), which the browser sends as `Host`. Both are rejected.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tabular.process.allowed_hosts import ANY, AllowedHosts, names_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Rejection = tuple[int, str]
"""The status code and the message of the response."""

_POLICY_VIOLATION = 1008


class PageGuard:
    """The application behind a check of `Host` and `Origin`; lifespan events are passed through."""

    def __init__(self, app: App, allowed_hosts: str) -> None:
        self._app = app
        self._hosts = AllowedHosts(allowed_hosts)
        # If any host name is allowed, that does not make every origin the server's own.
        self._own = AllowedHosts(",".join(name for name in names_of(allowed_hosts) if name != ANY))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        rejection = self._rejection(scope) if scope["type"] in ("http", "websocket") else None
        if rejection is None:
            await self._app(scope, receive, send)
        else:
            await reject(scope, send, rejection)

    def _rejection(self, scope: Message) -> Rejection | None:
        hosts = values(scope, b"host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "The host of this request is not allowed. To allow it, add it to ALLOWED_HOSTS."
        if all(self._is_own(origin, hosts[0]) for origin in values(scope, b"origin")):
            return None
        return 403, "Requests from pages of another origin are not allowed."

    def _is_own(self, origin: str, host: str) -> bool:
        page = origin.partition("://")[2]
        return page.lower() == host.lower() or (page in self._own and _port(page) == _port(host))


def values(scope: Message, name: bytes) -> list[str]:
    """Every value of a request header; `name` in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


async def reject(scope: Message, send: Send, rejection: Rejection) -> None:
    """Respond with the rejection instead of the application."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": rejection[1]})
        return
    status, message = rejection
    body = message.encode() + b"\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _port(authority: str) -> str:
    return authority.rpartition(":")[2] if not authority.endswith("]") else ""
