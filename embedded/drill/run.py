"""`make drill`: plays the story on a stack of its own, in accelerated time, and cleans up after itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from embedded.console import console
from embedded.drill.own_stack import BACKENDS, own_stack, run_quietly
from embedded.drill.scene import Drill
from embedded.drill.story import play
from embedded.drill.table import StepTable
from embedded.drill.traffic import Traffic
from embedded.environment import process_environ
from embedded.operate import Stack
from tabular.data.synthetic import make_table
from tabular.ledger.table import lines
from tabular.promotion.parts import Parts
from tabular.settings import load_settings
from tabular.wiring import Wiring

TABLE_ROWS = 8_000
ROWS_PER_SECOND = 100
LABEL_DELAY_SECONDS = 3.0
PAGE = "drill.html"


def run_drill(state: Path, pages: Path) -> None:
    """Play it; raises TabularError naming the step that did not happen as told."""
    console.print(
        "A drill of the whole loop in accelerated time, about 5 minutes, on a stack of its own: your data, models and "
        "servers are not touched.\n"
    )
    table = StepTable()
    dataset = state / "table.csv"
    with own_stack(state, dataset) as stack:
        drill = _drill(stack, dataset, table)
        dataset.write_bytes(make_table(drill.contract, TABLE_ROWS, 10))
        table.head()
        with table.step("Start a stack") as seen:
            stack.up(BACKENDS, table.progress)
            seen.append("S3, MLflow, Prefect and the prediction store, on free ports")
        try:
            play(drill)
        finally:
            drill.traffic.stop()
        _show(drill, pages)


def _show(drill: Drill, pages: Path) -> None:
    """Print the ledger and keep the page of the model history, which outlive the stack."""
    console.print("\nThe ledger, which holds all of it:\n", style="bold")
    for line in lines(drill.entries()):
        console.print(line, markup=False)
    run_quietly(drill.stack, "reporting.history")
    page = pages / PAGE
    pages.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(drill.stack.layout.reports / "history.html", page)
    page.chmod(0o644)  # the web server may be another user
    console.print(f"\nThe timeline as a page: {page}, beside the reports as /{PAGE}.", markup=False)
    console.print(f"{drill.traffic}. The drill's stack is stopped and deleted.", markup=False)


def _drill(stack: Stack, dataset: Path, table: StepTable) -> Drill:
    wiring = Wiring(load_settings(process_environ(stack.layout, stack.given)))
    parts = Parts(wiring.registry(), wiring.ledger(), wiring.contract)
    url = f"http://127.0.0.1:{stack.layout.ports.api}"
    traffic = Traffic(url, ROWS_PER_SECOND, LABEL_DELAY_SECONDS)
    return Drill(stack, wiring.contract, dataset, traffic, parts, table)
