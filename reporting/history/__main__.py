"""Writes the page "Model history" now: `python -m reporting.history`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from reporting.history.publish import write_history
from tabular.process.commands import plainly, say
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


def main() -> int:
    """Write it; 1 with the reason if the settings are faulty, 3 if the store is down."""
    keep_private()
    return plainly(lambda: _run(wire()), "the page of the model history is not written")


def _run(wiring: Wiring) -> int:
    tables = [(one.contract.table.name, one.contract.table.title) for one in wiring.for_tables()]
    ledger, store = wiring.ledger(), wiring.predictions()
    page = write_history(wiring.settings.reports_dir, ledger, store, tables, datetime.now(UTC))
    ledger.close()
    store.close()
    say([f"The model history is in {page.name}, beside the reports."])
    return 0


if __name__ == "__main__":
    sys.exit(main())
