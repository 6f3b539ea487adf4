"""`make drill`: plays the story on a stack of its own, in accelerated time, and cleans up after itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from embedded.console import console
from embedded.drill.own_stack import BACKENDS, SERVERS, own_stack, run_quietly
from embedded.drill.scene import Drill
from embedded.drill.story import play
from embedded.drill.table import StepTable
from embedded.drill.traffic import Traffic
from embedded.environment import process_environ
from embedded.operate import Stack
from embedded.services.front_page import watched
from reporting import publish
from reporting.publish import write_page
from tabular.data.synthetic import make_table
from tabular.ledger.table import lines
from tabular.promotion.parts import Parts
from tabular.settings import load_settings
from tabular.wiring import Wiring

TABLE_ROWS = 8_000
ROWS_PER_SECOND = 100
LABEL_DELAY_SECONDS = 3.0
HISTORY, FRONT_PAGE = "drill.html", "drill-front-page.html"


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
    """Print the ledger and keep the front page and the model history as they are now, which outlive the stack."""
    console.print("\nThe ledger, which holds all of it:\n", style="bold")
    for line in lines(drill.entries()):
        console.print(line, markup=False)
    run_quietly(drill.stack, "reporting.history")
    run_quietly(_watching(drill.stack), "reporting.front_page", "--once")
    for written, kept in ((publish.FRONT_PAGE, FRONT_PAGE), (publish.HISTORY, HISTORY)):
        page = (drill.stack.layout.reports / written).read_text()
        write_page(pages, kept, page.replace(f'href="{publish.HISTORY}"', f'href="{HISTORY}"'))
    kept_as = f"{pages / FRONT_PAGE} and {pages / HISTORY}, beside the reports as /{FRONT_PAGE} and /{HISTORY}"
    console.print(f"\nThe front page and the timeline, as they were at the end: {kept_as}.", markup=False)
    console.print(f"{drill.traffic}. The drill's stack is stopped and deleted.", markup=False)


def _watching(stack: Stack) -> Stack:
    """The same stack, whose front page asks the services that the drill has."""
    services = watched(stack.layout, stack.settings, (*BACKENDS, *SERVERS))
    return replace(stack, given={**stack.given, "FRONT_PAGE_SERVICES": services})


def _drill(stack: Stack, dataset: Path, table: StepTable) -> Drill:
    wiring = Wiring(load_settings(process_environ(stack.layout, stack.given)))
    parts = Parts(wiring.registry(), wiring.ledger(), wiring.contract)
    url = f"http://127.0.0.1:{stack.layout.ports.api}"
    traffic = Traffic(url, ROWS_PER_SECOND, LABEL_DELAY_SECONDS)
    return Drill(stack, wiring.contract, dataset, traffic, parts, table)
