"""The front page of the story, as one table or several."""

from __future__ import annotations

import pytest

from reporting.front_page.live import live_runs
from reporting.front_page.page import front_page
from reporting.front_page.served import served_tables
from reporting.front_page.services import ServiceState
from reporting.front_page.table_view import TableReader
from tests.unit.reporting.front_page.story import NOW, READINESS, TABLE, TITLE, gauges, told_stores

UP = [ServiceState("api", is_up=True, said="responds", page_url="http://127.0.0.1:9696/docs")]


@pytest.fixture
def stores(tmp_path):
    return told_stores(tmp_path)


@pytest.fixture
def view_of(stores):
    """The table as it is read with a page of gauges and a response of readiness."""

    def view_of(gauges_page=None, readiness=READINESS, name=TABLE):
        live = live_runs((gauges() if gauges_page is None else gauges_page).encode())
        served = served_tables(readiness.encode())
        return TableReader(name, TITLE, stores).read(served.get(name), live.get(name, []), NOW)

    return view_of


@pytest.fixture
def page_of():
    """The page of these tables and services."""

    def page_of(*views, services=tuple(UP)):
        return front_page(services, views, NOW, 10.0)

    return page_of
