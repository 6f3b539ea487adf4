"""Prefect's server, by its HTTP interface: a monitor that starts a flow has no need of the 100 MB of its client."""

from __future__ import annotations

import base64
import urllib.request
from urllib.parse import quote

import msgspec

from tabular.adapters.http import sent
from tabular.errors import Rejected

NAME = "Prefect"


class _Deployment(msgspec.Struct):
    id: str


class PrefectFlows:
    """Implements `FlowStarter`; nothing connects before the first start. The login is `name:password`, or empty."""

    def __init__(self, url: str, login: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", "User-Agent": "tabular"}
        if login:
            self._headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def start(self, deployment: str, key: str) -> None:
        """Start a run, scheduled for now; raises Unavailable, or Rejected for an unknown flow or a wrong login."""
        found = self._sent(f"/deployments/name/{quote(deployment)}")
        try:
            known = msgspec.json.decode(found, type=_Deployment)
        except msgspec.MsgspecError as error:
            raise Rejected(f"{NAME} responds with something else than a deployment: {error}") from error
        self._sent(f"/deployments/{quote(known.id, safe='')}/create_flow_run", {"idempotency_key": key})

    def _sent(self, path: str, body: dict[str, str] | None = None) -> bytes:
        data = None if body is None else msgspec.json.encode(body)
        return sent(urllib.request.Request(self._url + path, data, self._headers), NAME)  # noqa: S310 - checked with the settings
