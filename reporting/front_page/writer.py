"""Writes the front page: asks the services, reads the stores, renders, and puts the page in place of the last one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reporting.front_page.live import LiveRun, live_runs
from reporting.front_page.page import SCRIPT, front_page, script
from reporting.front_page.served import Served, served_tables
from reporting.front_page.services import API, MONITOR, ServiceState, WatchedService, check_services
from reporting.front_page.table_view import TableReader, TableView
from reporting.publish import FRONT_PAGE, write_page
from tabular.errors import TabularError

log = logging.getLogger(__name__)

STORE = "store"


class FrontPage:
    """The page of these tables; it is written although a store or a service is down, and says so."""

    def __init__(
        self, folder: Path, tables: Sequence[TableReader], services: Sequence[WatchedService], interval_seconds: float
    ) -> None:
        self._folder = folder
        self._tables = tables
        self._services = services
        self._interval_seconds = interval_seconds
        self._views: dict[str, TableView] = {}

    def write(self) -> Path:
        """Write the page as everything is now; returns its path, raises OSError."""
        states = check_services(self._services)
        store = self._read({state.name: state.body for state in states}, datetime.now(UTC))
        has_docs = (self._folder / "docs" / "index.html").is_file()
        views = list(self._views.values())
        page = front_page([*states, store], views, datetime.now(UTC), self._interval_seconds, has_docs=has_docs)
        write_page(self._folder, SCRIPT, script())
        return write_page(self._folder, FRONT_PAGE, page)

    def _read(self, bodies: Mapping[str, bytes], now: datetime) -> ServiceState:
        """Read every table; of one that cannot be read the last view stays. Returns how the store is."""
        served: Mapping[str, Served] = served_tables(bodies.get(API, b""))
        live: Mapping[str, list[LiveRun]] = live_runs(bodies.get(MONITOR, b""))
        try:
            for table in self._tables:
                self._views[table.name] = table.read(served.get(table.name), live.get(table.name, []), now)
        except TabularError as error:
            log.warning("the front page shows what was read before: %s", error)
            return ServiceState(STORE, is_up=False, said="does not respond")
        return ServiceState(STORE, is_up=True, said="responds")
