"""Grafana's own interface: what it has provisioned, and what a panel of it would show."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

DASHBOARDS = Path(__file__).resolve().parents[2] / "monitoring/grafana/dashboards"


class Grafana:
    """It at an address, with the login of an administrator."""

    def __init__(self, url: str, login: str) -> None:
        self._url = url
        self._headers = {
            "Content-Type": "application/json",
            "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        }

    def is_stand_in(self) -> bool:
        """True for a server that answers anything with something that is not Grafana's."""
        try:
            return "version" not in self.ask("/api/health")
        except (ValueError, TypeError):
            return True

    def ask(self, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self._url + path, sent, self._headers), timeout=20
        ) as answer:
            return json.load(answer)

    def values(self, target: dict[str, Any]) -> list[Any]:
        """The values that a panel's query has in the last quarter of an hour, by way of its datasource."""
        query = {"refId": "A", "datasource": target["datasource"], "expr": target["expr"].replace("$table", ".*")}
        query |= {"range": True, "intervalMs": 15_000, "maxDataPoints": 60}
        found = self.ask("/api/ds/query", {"queries": [query], "from": "now-15m", "to": "now"})["results"]["A"]
        assert "error" not in found, found["error"]
        return [value for frame in found["frames"] for value in (frame["data"]["values"] or [[]])[-1]]
