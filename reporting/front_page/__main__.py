"""Writes the front page again and again: `python -m reporting.front_page`; with `--once`, once."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence

from reporting.front_page.services import read_services
from reporting.front_page.table_view import Stores, TableReader
from reporting.front_page.writer import FrontPage
from tabular.errors import TabularError
from tabular.logs.set_up import set_up_process
from tabular.process.background import BackgroundTask
from tabular.process.commands import say
from tabular.process.stopping import run_until_stopped
from tabular.wiring import Wiring, wire


def build_front_page(wiring: Wiring) -> FrontPage:
    """The front page of the stack's tables; connects to nothing yet. Raises InvalidContract or InvalidSetting."""
    settings = wiring.settings
    stores = Stores(wiring.predictions(), wiring.ledger(), wiring.blocks(), wiring.loss_blocks(), settings.reports_dir)
    tables = [one.contract.table for one in wiring.for_tables()]
    readers = [TableReader(table.name, table.title, stores) for table in tables]
    services = read_services(settings.front_page_services)
    return FrontPage(settings.reports_dir, readers, services, settings.front_page_interval_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write until SIGTERM or SIGINT, or once; the exit code. Raises InvalidContract or InvalidSetting."""
    parser = argparse.ArgumentParser(prog="python -m reporting.front_page")
    parser.add_argument("--once", action="store_true", help="write the page once")
    given = parser.parse_args(arguments)
    set_up_process("front-page")
    wiring = wire()
    page = build_front_page(wiring)
    if given.once:
        say([str(page.write())])
        return 0

    def run(stop: threading.Event) -> None:
        BackgroundTask("front page", page.write, wiring.settings.front_page_interval_seconds).run(stop)

    return run_until_stopped("front page", run)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TabularError as error:
        sys.exit(f"The front page cannot be written: {error}")
